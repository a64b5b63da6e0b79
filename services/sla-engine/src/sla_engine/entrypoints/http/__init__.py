"""What the engine answers over HTTP: a JSON API, pages for people, and what operators ask."""

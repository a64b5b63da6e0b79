"""Errors over HTTP as RFC 9457 problem details."""

import msgspec
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A problem document; `errors` names single places, such as a query parameter."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str | None = None
    instance: str | None = None
    errors: tuple[dict[str, str], ...] = ()


def problem_response(problem: Problem, *, headers: dict[str, str] | None = None) -> Response:
    """The problem as an HTTP response."""
    return Response(msgspec.json.encode(problem), status_code=problem.status, media_type=MEDIA_TYPE, headers=headers)


def install_problem_handlers(app: FastAPI) -> None:
    """Answer every error of `app` with a problem document."""

    async def on_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        title = _titles.get(error.status_code, "Error")
        detail = None if error.detail == title else str(error.detail)
        headers = dict(error.headers) if error.headers else None
        problem = Problem(title=title, status=error.status_code, detail=detail, instance=request.url.path)
        return problem_response(problem, headers=headers)

    async def on_validation(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        places = tuple(
            {"place": ".".join(str(part) for part in each["loc"]), "message": str(each["msg"])}
            for each in error.errors()
        )
        return problem_response(
            Problem(
                title="Bad request",
                status=400,
                detail="; ".join(f"{each['place']}: {each['message']}" for each in places),
                instance=request.url.path,
                errors=places,
            )
        )

    async def on_any(request: Request, _error: Exception) -> Response:
        return problem_response(
            Problem(
                title="Internal error",
                status=500,
                detail="The service failed on this request; its log has the trace.",
                instance=request.url.path,
            )
        )

    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(RequestValidationError, on_validation)
    app.add_exception_handler(Exception, on_any)


_titles = {
    400: "Bad request",
    401: "Not authenticated",
    404: "Not found",
    405: "Method not allowed",
    413: "Body too large",
    415: "Media type not supported",
    503: "Not available for now",
}

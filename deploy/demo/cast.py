"""Who plays in the demo: the salespeople as the three CRMs know them, and the leads they are given."""

from dataclasses import dataclass
from enum import StrEnum


class Crm(StrEnum):
    """Which CRM a lead lives in; also the name of the source in `sources.yaml`."""

    HUBSPOT = "hubspot"
    SALESFORCE = "salesforce"
    PIPEDRIVE = "pipedrive"


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """A person, or the inbound queue, with its id in each CRM; `hubspot_user` is HubSpot's second id for people."""

    name: str
    hubspot: str
    salesforce: str
    pipedrive: str
    hubspot_user: str | None = None

    def id_in(self, crm: Crm) -> str:
        """The owner's id as that CRM writes it."""
        return {Crm.HUBSPOT: self.hubspot, Crm.SALESFORCE: self.salesforce, Crm.PIPEDRIVE: self.pipedrive}[crm]


QUEUE = Owner(name="Inbound queue", hubspot="7100", salesforce="00G5e000001qDemEAE", pipedrive="23100")
PEOPLE = (
    Owner(
        name="Ana Ruiz",
        hubspot="7101",
        hubspot_user="9101",
        salesforce="0055e000001pAnaAAE",
        pipedrive="23101",
    ),
    Owner(
        name="Ben Okafor",
        hubspot="7102",
        hubspot_user="9102",
        salesforce="0055e000001pBenAAE",
        pipedrive="23102",
    ),
    Owner(
        name="Chloé Martin",
        hubspot="7103",
        hubspot_user="9103",
        salesforce="0055e000001pChlAAE",
        pipedrive="23103",
    ),
    Owner(
        name="Dev Patel",
        hubspot="7104",
        hubspot_user="9104",
        salesforce="0055e000001pDevAAE",
        pipedrive="23104",
    ),
)

FIRST_NAMES = (
    "Amelia", "Bruno", "Carmen", "Daniel", "Elif", "Farah", "Greta", "Hugo", "Ines", "Jonas", "Keiko", "Liam", "Maya",
    "Noor", "Oskar", "Petra", "Quentin", "Rosa", "Samir", "Tessa", "Umar", "Vera", "Wanda", "Yusuf", "Zoe",
)  # fmt: skip
LAST_NAMES = (
    "Almeida", "Berg", "Costa", "Dubois", "Eriksen", "Fischer", "Garcia", "Haddad", "Ito", "Jansen", "Kowalska", "Lind",
    "Moreau", "Nakamura", "Olsen", "Park", "Quist", "Rossi", "Silva", "Tanaka", "Usman", "Vogel", "Weber",
)  # fmt: skip
COMPANIES = (
    "Alder Freight", "Bluefin Foods", "Cobalt Robotics", "Dune Energy", "Elm Street Dental", "Ferro Steel",
    "Granite Legal", "Harbour Hotels", "Iris Optics", "Juniper Textiles", "Kite Travel", "Lumen Studios",
    "Meridian Labs", "Northwind Cycles", "Opal Insurance", "Pine Valley Farms", "Quarry Gaming",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """An invented lead; `number` counts the demo's stories and makes its ids."""

    number: int
    crm: Crm
    first_name: str
    last_name: str
    company: str

    @property
    def name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}"

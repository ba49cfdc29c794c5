"""Invitations: an admin's email whose reader can make an account, with the roles given there."""

from auth.audit import Event
from auth.feature import Feature, Page
from auth.roles import Role
from features.invitations.commands import invite
from features.invitations.emails import samples
from features.invitations.rules import expired, export, list_pending

FEATURE = Feature(
    name="invitations",
    pages=[
        Page("invitations", "Invitations", icon=":material/outgoing_mail:", role=Role.ADMIN),
        Page("accept_invitation", "Accept your invitation", public=True),
    ],
    events={Event.INVITATION_ACCEPTED: "You accepted an invitation"},
    samples=samples,
    export=export,
    invited=list_pending,
    expired=expired,
    commands=[invite],
)

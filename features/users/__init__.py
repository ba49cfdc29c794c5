"""Users, for admins: find one, see their details, and change what an admin may change."""

from auth.feature import Feature, Page
from auth.roles import Role

FEATURE = Feature(
    name="users",
    pages=[
        Page("users", "Users", icon=":material/group:", role=Role.ADMIN),
        Page("user", "User", role=Role.ADMIN),
    ],
)

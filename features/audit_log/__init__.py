"""The audit log, for admins: what happened, to whom and by whom, on a page and as a CSV file."""

from auth.feature import Feature, Page
from auth.roles import Role

FEATURE = Feature(
    name="audit_log",
    pages=[Page("audit_log", "Audit log", icon=":material/receipt_long:", role=Role.ADMIN)],
)

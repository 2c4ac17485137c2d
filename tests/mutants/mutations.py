"""All mutations, by subject; to break a new fact, add a line to the table of its subject."""

from __future__ import annotations

from tests.mutants.edges import EDGES
from tests.mutants.endpoints import ENDPOINTS
from tests.mutants.errors import ERRORS
from tests.mutants.filters import FILTERS
from tests.mutants.flow_logs import FLOW_LOGS
from tests.mutants.limits import LIMITS
from tests.mutants.names import NAMES
from tests.mutants.policies import POLICIES
from tests.mutants.routing import ROUTING
from tests.mutants.services import SERVICES

MUTATIONS = (*ROUTING, *FILTERS, *ENDPOINTS, *NAMES, *SERVICES, *EDGES, *FLOW_LOGS, *LIMITS, *ERRORS, *POLICIES)

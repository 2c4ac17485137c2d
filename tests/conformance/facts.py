"""The numbered facts of AWS's behaviour that the emulator is held to: ids and short titles.

Titles are ours, to find one's way by; the facts themselves cite AWS's pages.  A
test proves a fact by carrying ``@pytest.mark.fact("SG-9")``; what has no test is
named in :mod:`tests.conformance.register`, never left out in silence.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain


@dataclass(frozen=True, slots=True)
class Fact:
    """One numbered fact: its id and what it is about."""

    fact_id: str
    title: str


@dataclass(frozen=True, slots=True)
class Section:
    """A chapter of facts; ``later`` says why it is not due, if it is not."""

    number: int
    title: str
    facts: tuple[Fact, ...]
    later: str = ""


def _facts(prefix: str, *titles: str, first: int = 1) -> tuple[Fact, ...]:
    return tuple(Fact(f"{prefix}-{number}", title) for number, title in enumerate(titles, first))


ROUTE = _facts(
    "ROUTE",
    "One table per subnet, the main one by default",
    "The main table stays; a used custom table stays",
    "Equal prefixes: static, prefix list, propagated",
    "The longest prefix wins, whatever its kind",
    "Two prefix lists with one CIDR: the lowest id",
    "IPv4 routes cover no IPv6",
    "Without a route a packet is dropped in silence",
    "Local routes cannot be deleted; retarget and restore",
    "More specific than local: whole subnets, by middlebox only",
    "Propagated routes never beat local or static ones",
    "The services' link-local range takes no route",
    "Destinations are canonical, with one target each",
    "What may be a target; never an interface endpoint",
    "Blackholes stay in the table and still win",
    "Where a route came from",
    "How many static and propagated routes fit",
    "Prefix lists weigh their maximum, AWS's their own weight",
    "Gateway route tables: whole CIDRs, few targets",
    "Edge targets need a public address; middleboxes pass on",
    "Inside a subnet no route table is asked",
)
EDGE = _facts(
    "EDGE",
    "Internet gateway: 1:1 translation, public addresses only",
    "Peering: one per pair, no overlap, not transitive",
    "Transit gateway: zones, tables, blackholes, propagation",
    "Subnet sizes and the five reserved addresses",
)
SG = _facts(
    "SG",
    "Only allow rules, their union, silent drops",
    "What new and default groups let through",
    "What a rule is made of; a group stands for addresses",
    "References to groups of other VPCs",
    "Stale references match nothing and revive",
    "Quotas and weights of rules and groups",
    "What no filter sees",
    "Group names",
    "Tracked replies pass",
    "When a flow is untracked",
    "Other protocols are tracked by address",
    "What is always tracked",
    "Editing rules under a live flow",
    "Idle timeouts per interface",
    "Timeouts behind a load balancer",
    "The tracking table can be full",
    "What is evicted is judged anew",
    "Path MTU messages belong to their flow",
)
NACL = _facts(
    "NACL",
    "One list per subnet, met only at its border",
    "Ascending numbers, first match, final deny",
    "Default lists allow all, custom ones nothing",
    "Stateless: replies need their own line",
    "CIDR blocks only, canonical",
    "Quotas of lines and lists",
    "An edit acts on the next packet",
    "Path MTU messages need a line too",
    "The order of group, list and route",
)
VPCE = _facts(
    "VPCE",
    "Private access to services by private addressing",
    "No internet, NAT or VPN needed",
    "An endpoint never fails as a device",
    "The two types, and the default one",
    "IPv4 only",
    "The service is of the same Region",
    "Tied to its VPC and service",
    "Several endpoints in one VPC",
    "A policy controls access",
    "States; only an available endpoint forwards",
    "How many endpoints",
    "Limits of MTU and MSS by type",
    "Where the service stands, and its shapers",
)
VPCE_IF = _facts(
    "VPCE-IF",
    "One managed interface per subnet, one address for life",
    "One subnet per zone",
    "The service must be offered in the zone",
    "Designated addresses",
    "Endpoint groups judge what comes in only",
    "Network ACLs on both sides can block it",
    "TCP only",
    "No answer to ping",
    "The consumer opens connections",
    "Reached from all subnets and attached networks; adds no route",
    "10 Gbps per zone",
    "MTU 8500",
    "Oversized packets are lost in silence",
    "The MSS is clamped",
    "350 seconds of silence",
    "Whose address the service sees",
    "Regional name in turn, zonal name pinned",
    "Services of AWS accept by themselves",
    "Generated names, resolved everywhere",
    "Private DNS takes over the public name in its VPC",
    "Private DNS needs both attributes",
    "With private DNS there is no way back to public addresses",
    "Metrics of interface endpoints",
)
VPCE_GW = _facts(
    "VPCE-GW",
    "S3 and DynamoDB, without interface, address or group",
    "A table gets the prefix list's route by association",
    "Only the subnets of associated tables use it",
    "Its route cannot be edited by hand",
    "One endpoint per service and table",
    "Several endpoints on several tables",
    "Policy and tables change later, at once",
    "Beats the default route",
    "Loses to longer prefixes and equal static routes",
    "Another Region's service is not in the list",
    "Groups must let the public addresses out",
    "Network ACLs need the service's blocks, both ways",
    "Closed to traffic from outside the VPC",
    "TCP and echo only, its own sources only",
    "The service sees the private address",
    "A change of tables cuts open connections",
    "Names stay public and need DNS",
    "No limit of bandwidth or idleness",
)
POL = _facts(
    "POL",
    "Full access by default",
    "Beside identity and resource policies, not above",
    "Length",
    "Services without policies",
    "Grammar",
    "Principals",
    "Actions and resources",
    "Conditions combine",
    "Operators and missing keys",
    "Keys of requests through endpoints",
    "Order of evaluation",
    "Bucket locks",
    "A denial is an HTTP answer",
    "What a denial says",
)
DNS = _facts(
    "DNS",
    "Where the resolver answers",
    "The two attributes of a VPC",
    "1,024 link-local packets a second",
    "Neither filtered nor logged",
    "Recursive, for its own VPC only",
    "Metadata and time addresses",
    "A private zone beats the public answer, at home",
    "S3 names for inside and inbound resolution",
)
SVC = _facts(
    "SVC",
    "Behind network load balancers; one is kept per interface",
    "Names and states",
    "Allowed principals",
    "Acceptance and rejection",
    "Connected services stay",
    "One verified private name",
    "The node of the zone; cross-zone; health",
    "Targets see the node",
    "Ports per target run out",
    "Proxy protocol version 2",
    "Idle connections and resets",
    "The load balancer's groups",
    "Targets by hash; fragments",
    "The last load balancer stays",
)
NET = _facts(
    "NET",
    "Instance bandwidth per direction and per flow",
    "Through the internet gateway",
    "Baseline and burst credits",
    "Figures of one family",
    "Queued, then dropped and counted",
    "MTU by path",
    "Over the MTU: fragments, messages or silence",
    "VPN and transit gateway figures",
)
NAT = _facts(
    "NAT",
    "Protocols and throughput",
    "Ports per destination run out",
    "No groups; who may use it",
    "MTU and fragments",
    "Idle flows are reset",
)
FLOW = _facts(
    "FLOW",
    "One record per flow, direction, interface and window",
    "Default and custom formats",
    "Fields by version",
    "Primary and packet addresses",
    "A NAT gateway's four records",
    "Bytes of IP, ports of ICMP",
    "Accept and reject",
    "Who rejects a request or a reply",
    "Where a rejection is logged",
    "TCP flags per window",
    "Direction and path",
    "Status lines",
    "Further field values",
    "Endpoint interfaces and services",
    "What is not logged",
    "Fixed at creation; subscriptions",
)
MIR = _facts("MIR", "Encapsulation", "Targets and filters of copies", "Mirror filters", "Truncation", "Cost and limits")
REACH = _facts(
    "REACH",
    "Codes of the configuration",
    "Codes of path filters",
    "Remarks on paths found",
    "Codes of dynamic losses",
)
ERR = (
    *_facts(
        "ERR",
        "Endpoint ids",
        "No such service",
        "Second subnet in a zone",
        "Endpoint limit, type and policy",
        "Endpoint services",
        "Subnets, VPCs and free addresses",
        "Second endpoint on a table",
        "Parameters of the other type; zones",
        "Private DNS refused",
        "Inbound-only private DNS refused",
    ),
    *_facts(
        "ERR",
        "More specific than local",
        "Deleting an endpoint's route",
        "Endpoints as targets",
        "Routes and tables",
        "Groups and permissions",
        "Network ACL entries",
        "Peering, states and dependencies",
        first=20,
    ),
)

SECTIONS = (
    Section(1, "Routing", (*ROUTE, *EDGE)),
    Section(2, "Security groups", SG),
    Section(3, "Network ACLs", NACL),
    Section(4, "Endpoints in general", VPCE),
    Section(5, "Interface endpoints", VPCE_IF),
    Section(6, "Gateway endpoints", VPCE_GW),
    Section(7, "Endpoint policies", POL),
    Section(8, "DNS", DNS),
    Section(9, "Endpoint services", SVC),
    Section(10, "Bandwidth, MTU, NAT", (*NET, *NAT)),
    Section(11, "Flow logs", FLOW),
    Section(12, "Traffic mirroring", MIR, "not modelled: traffic mirroring"),
    Section(13, "Reachability Analyzer's codes", REACH),
    Section(14, "API errors", ERR),
)
"""Section 15 of the facts is a table of knobs: :data:`tests.conformance.register.KNOBS`."""

FACTS = {fact.fact_id: fact for section in SECTIONS for fact in section.facts}
DUE = tuple(chain.from_iterable((fact.fact_id for fact in one.facts) for one in SECTIONS if not one.later))

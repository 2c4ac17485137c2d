"""IAM policies: their grammar, and what they say to a request.  Pure; knows neither packets nor HTTP.

``read_policy`` is the one parser, ``judge`` the one evaluator: the control plane
asks the first whether a text is a policy, the guard in front of every service
and the explanations ask the second what policies say.
"""

from emulator.policies.evaluation import Considered, Decision, evaluate
from emulator.policies.keys import Circumstances, condition_keys
from emulator.policies.layers import Attached, LayerRuling, Policies, Verdict, judge
from emulator.policies.reading import FULL_ACCESS, PolicyError, PolicyProblem, read_policy
from emulator.policies.records import ANONYMOUS, UNSTATED, Layer, Policy, PolicyKind, Principal, PrincipalKind, Question

__all__ = [
    "ANONYMOUS",
    "FULL_ACCESS",
    "UNSTATED",
    "Attached",
    "Circumstances",
    "Considered",
    "Decision",
    "Layer",
    "LayerRuling",
    "Policies",
    "Policy",
    "PolicyError",
    "PolicyKind",
    "PolicyProblem",
    "Principal",
    "PrincipalKind",
    "Question",
    "Verdict",
    "condition_keys",
    "evaluate",
    "judge",
    "read_policy",
]

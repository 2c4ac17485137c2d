"""All policies on a request's path, and what they say together (POL-2, POL-11).

An explicit Deny of any layer denies.  Else an endpoint's policy must allow
(of a request that came through one), and identity *or* resource policy within
one account, identity *and* resource policy between two.  Where nobody is stated
to ask (a network without identities), the identity layer counts as allowing.

Permission boundaries, session policies and policies of an organization are not
modelled.

AWS: IAM User Guide, "Policy evaluation logic", "Cross-account policy evaluation
logic", "Troubleshoot access denied error messages" (POL-14).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from emulator.policies.evaluation import Decision, evaluate
from emulator.policies.reading import read_policy
from emulator.policies.records import Layer, PolicyKind, PrincipalKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emulator.policies.records import Question

NOBODY: Final = Decision(allowed=False, explicit=False)
PLAIN: Final = "Access Denied"
"""What a denial says to whoever is of another account (POL-14)."""


@dataclass(frozen=True, slots=True)
class Attached:
    """A policy and where it is attached: the endpoint's id, the bucket's name, or of an identity ``role/policy``."""

    name: str
    kind: PolicyKind
    text: str


@dataclass(frozen=True, slots=True)
class Policies:
    """The policies on one request's path.

    Attributes:
        endpoint: None for a request that came through none, or to a service without policies (POL-4).
        resource: None for a resource without one.
        identity: Empty for a principal that has none.
    """

    endpoint: Attached | None = None
    resource: Attached | None = None
    identity: tuple[Attached, ...] = ()


@dataclass(frozen=True, slots=True)
class LayerRuling:
    """What one layer says.

    Attributes:
        layer: Which.
        names: Its policies; empty where it has none.
        asked: Whether the layer has a say at all.
        allowed: Whether it lets the request pass, as far as it is concerned.
        decision: What its policies say.
        note: Why there is nothing to read.
    """

    layer: Layer
    names: tuple[str, ...]
    asked: bool
    allowed: bool
    decision: Decision
    note: str = ""

    @property
    def denies(self) -> bool:
        """Whether a statement denies."""
        return self.decision.explicit and not self.decision.allowed


@dataclass(frozen=True, slots=True)
class Verdict:
    """What all policies say to one question.

    Attributes:
        question: The question.
        allowed: The answer.
        layers: Endpoint, resource and identity, in this order.
        deciding: The layer that denied; of a request that is allowed, the last whose statement let it pass, if any.
        same_account: Whether principal and resource are of one account.
    """

    question: Question
    allowed: bool
    layers: tuple[LayerRuling, ...]
    deciding: LayerRuling | None
    same_account: bool

    @property
    def sentence(self) -> str:
        """The text of the denial, as AWS words it (POL-14); empty if there is none."""
        if self.allowed or self.deciding is None:
            return ""
        if not self.same_account:
            return PLAIN
        asked, layer = self.question, self.deciding.layer
        refusal = (
            f"User: {asked.principal.called} is not authorized to perform: {asked.action}"
            f' on resource: "{asked.resource}"'
        )
        if self.deciding.denies:
            article = "an" if layer is Layer.IDENTITY else "a"
            return f"{refusal} with an explicit deny in {article} {layer}"
        return f"{refusal} because no {layer} allows the {asked.action} action"

    def why(self) -> str:
        """Return the deciding layer, policy and statement, in one line."""
        if self.deciding is None:
            return "no policy is asked"
        decision, names = self.deciding.decision, ", ".join(self.deciding.names)
        if decision.statement is not None:
            return f"{decision.statement} in the {self.deciding.layer} {decision.policy}"
        where = f" {names}" if names else ""
        return f"no statement allows it in the {self.deciding.layer}{where}"


def judge(question: Question, policies: Policies) -> Verdict:
    """Return what all policies on a request's path say together."""
    who = question.principal
    owner = question.owner_id or who.account_id
    stated = who.kind is not PrincipalKind.UNSTATED
    same_account = not stated or (who.account_id == owner and who.kind is not PrincipalKind.ANONYMOUS)
    endpoint = _layer(Layer.ENDPOINT, question, policies.endpoint, absent=True, note="not through an endpoint")
    resource = _layer(Layer.RESOURCE, question, policies.resource, absent=False, note="the resource has none")
    identity = _identity(question, policies.identity)
    layers = (endpoint, resource, identity)
    for layer in layers:
        if layer.denies:
            return Verdict(question, False, layers, layer, same_account)
    if not endpoint.allowed:
        return Verdict(question, False, layers, endpoint, same_account)
    if same_account:
        granted = identity.allowed or (resource.allowed and not resource.decision.delegated)
        refused = identity
    elif who.kind is PrincipalKind.ANONYMOUS:
        granted = resource.allowed and not resource.decision.delegated
        refused = resource
    else:
        granted = identity.allowed and resource.allowed
        refused = resource if identity.allowed else identity
    if not granted:
        return Verdict(question, False, layers, refused, same_account)
    return Verdict(question, True, layers, _let_pass(layers), same_account)


def _let_pass(layers: tuple[LayerRuling, ...]) -> LayerRuling | None:
    """Return the first layer a statement of which allowed."""
    return next((layer for layer in layers if layer.decision.allowed), None)


def _layer(layer: Layer, question: Question, attached: Attached | None, *, absent: bool, note: str) -> LayerRuling:
    """Return what a layer of at most one policy says; ``absent`` is what it says where there is none."""
    if attached is None:
        return LayerRuling(layer, (), False, absent, NOBODY, note)
    decision = evaluate(question, (attached.name, read_policy(attached.text, attached.kind)))
    return LayerRuling(layer, (attached.name,), True, decision.allowed, decision)


def _identity(question: Question, attached: tuple[Attached, ...]) -> LayerRuling:
    kind = question.principal.kind
    if kind is PrincipalKind.UNSTATED:
        return LayerRuling(Layer.IDENTITY, (), False, True, NOBODY, "nobody is stated to ask: taken to allow")
    if kind is PrincipalKind.ANONYMOUS:
        return LayerRuling(Layer.IDENTITY, (), False, False, NOBODY, "the request is not signed: nobody asks")
    decision = evaluate(question, *((one.name, read_policy(one.text, one.kind)) for one in attached))
    names = tuple(one.name for one in attached)
    note = "" if names else f"{question.principal.principal_arn} has no policy"
    return LayerRuling(Layer.IDENTITY, names, True, decision.allowed, decision, note)


def lines(verdict: Verdict) -> Iterator[str]:
    """Yield a verdict as people read it: each layer with its statements, then the answer."""
    asked = verdict.question
    yield f"{asked.principal.called} asks for {asked.action} on {asked.resource}"
    for layer in verdict.layers:
        names = f" {', '.join(layer.names)}" if layer.names else ""
        mark = "·" if not layer.asked else "✓" if layer.allowed else "✗"
        yield f"  {mark} {layer.layer}{names}: {_said(layer)}"
        for one in layer.decision.considered:
            where = f"{one.policy} " if len(layer.names) > 1 else ""
            told = "matches" if one.matched else f"does not match: {one.why}"
            yield f"      {where}{one.label} ({one.effect}) {told}"
    yield f"{'allowed' if verdict.allowed else 'denied'}: {verdict.why()}"


def _said(layer: LayerRuling) -> str:
    if layer.note:
        return layer.note
    if layer.decision.statement is not None:
        about = ", as one of its account" if layer.decision.delegated else ""
        return f"{'allows' if layer.decision.allowed else 'denies'} by {layer.decision.statement}{about}"
    return "no statement allows it"


def to_json(verdict: Verdict) -> dict[str, object]:
    """Return a verdict as plain data."""
    return {
        "allowed": verdict.allowed,
        "principal": verdict.question.principal.called,
        "action": verdict.question.action,
        "resource": verdict.question.resource,
        "same_account": verdict.same_account,
        "layer": None if verdict.deciding is None else str(verdict.deciding.layer),
        "policy": None if verdict.deciding is None else verdict.deciding.decision.policy or None,
        "statement": None if verdict.deciding is None else verdict.deciding.decision.statement,
        "sentence": verdict.sentence or None,
        "keys": {name: list(values) for name, values in sorted(verdict.question.keys.items())},
        "layers": [
            {
                "layer": str(layer.layer),
                "policies": list(layer.names),
                "asked": layer.asked,
                "allowed": layer.allowed,
                "explicit": layer.decision.explicit,
                "statement": layer.decision.statement,
                "note": layer.note or None,
                "statements": [
                    {
                        "policy": one.policy,
                        "statement": one.label,
                        "effect": str(one.effect),
                        "matched": one.matched,
                        "why": one.why or None,
                    }
                    for one in layer.decision.considered
                ],
            }
            for layer in verdict.layers
        ],
    }

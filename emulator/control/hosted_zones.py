"""Private hosted zones: names that some VPCs see.

Public zones and record types other than A, CNAME and alias records are not
modelled.  An alias record is one of type ``ALIAS`` here; to Route 53 it is an A
record with an alias target, so the two exclude each other at a name.

AWS: Amazon Route 53 API Reference, "CreateHostedZone", "AssociateVPCWithHostedZone",
"ChangeResourceRecordSets"; Route 53 Developer Guide, "Working with private hosted
zones", "Supported DNS record types".
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from emulator.control.addresses import address
from emulator.control.errors import Ec2Error, unsupported
from emulator.control.state import State, listed, verb
from emulator.model.hosted_zones import HostedZone, ResourceRecordSet

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

    from emulator.model.resources import Vpc

ACTIONS: Final = ("CREATE", "UPSERT", "DELETE")
TYPES: Final = ("A", "CNAME", "ALIAS")
OTHER_TYPES: Final = ("AAAA", "CAA", "DS", "HTTPS", "MX", "NAPTR", "NS", "PTR", "SOA", "SPF", "SRV", "SSHFP", "SVCB",
                      "TLSA", "TXT")  # fmt: skip

_LABEL: Final = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME: Final = re.compile(rf"(\*\.)?{_LABEL}(\.{_LABEL})*\.?", re.ASCII)
_MAX_NAME: Final = 253


class HostedZones(State):
    """Verbs of Route 53 on private hosted zones."""

    @verb
    def create_hosted_zone(
        self, name: str, *, vpc_ids: str | Iterable[str], hosted_zone_id: str | None = None
    ) -> HostedZone:
        """Create a private zone that these VPCs see (DNS-7); EMU: several at once, Route 53 takes the first only."""
        apex = _zone_name(name)
        vpcs = listed(vpc_ids)
        if not vpcs:
            raise unsupported("public hosted zones are not modelled: a private one has a VPC", "vpc_ids")
        zone_id = self._new_id(self.hosted_zones, "Z", hosted_zone_id, "hosted_zone_id")
        zone = HostedZone(zone_id, apex, ())
        for index, vpc_id in enumerate(vpcs):
            zone = self._with_vpc(zone, vpc_id, "vpc_ids", (index,))
        self._put(self.hosted_zones, zone_id, zone)
        return zone

    @verb
    def associate_vpc_with_hosted_zone(self, hosted_zone_id: str, vpc_id: str) -> HostedZone:
        """Let one more VPC see a zone."""
        zone = self._with_vpc(self._hosted_zone(hosted_zone_id), vpc_id, "vpc_id", ())
        self._put(self.hosted_zones, hosted_zone_id, zone)
        return zone

    @verb
    def disassociate_vpc_from_hosted_zone(self, hosted_zone_id: str, vpc_id: str) -> HostedZone:
        """Let a VPC see a zone no more; the last one stays."""
        zone = self._hosted_zone(hosted_zone_id)
        self._zone_vpc(vpc_id, "vpc_id", ())
        if vpc_id not in zone.vpc_ids:
            text = f"The VPC: {vpc_id} is not associated with the hosted zone: {hosted_zone_id}"
            raise Ec2Error("VPCAssociationNotFound", text, "vpc_id")
        if zone.vpc_ids == (vpc_id,):
            text = "The VPC that you are trying to disassociate is the last one associated with the private hosted zone"
            raise Ec2Error("LastVPCAssociation", f"{text} {hosted_zone_id}.", "vpc_id")
        zone = replace(zone, vpc_ids=tuple(one for one in zone.vpc_ids if one != vpc_id))
        self._put(self.hosted_zones, hosted_zone_id, zone)
        return zone

    @verb
    def change_resource_record_sets(self, hosted_zone_id: str, changes: Iterable[Mapping[str, Any]]) -> HostedZone:
        """Change records, all or none.

        Args:
            hosted_zone_id: The zone.
            changes: In order, each with ``action`` (CREATE, UPSERT or DELETE), ``name``, ``type`` (A, CNAME or ALIAS)
                and ``values``; of a CNAME or an ALIAS the one value is a name. EMU: an ALIAS may also name an interface
                endpoint by its id, for the endpoint's Regional name.
        """
        zone = self._hosted_zone(hosted_zone_id)
        for index, change in enumerate(changes):
            zone = _changed(zone, change, (index,), self.vpc_endpoints)
        self._put(self.hosted_zones, hosted_zone_id, zone)
        return zone

    @verb
    def delete_hosted_zone(self, hosted_zone_id: str) -> None:
        """Delete a zone that holds no records."""
        if self._hosted_zone(hosted_zone_id).resource_record_sets:
            text = "The specified hosted zone contains non-required resource record sets and so cannot be deleted."
            raise Ec2Error("HostedZoneNotEmpty", text, "hosted_zone_id")
        self._remove(self.hosted_zones, hosted_zone_id)

    def _zone_vpc(self, vpc_id: str, parameter: str, path: tuple[str | int, ...]) -> Vpc:
        vpc = self.vpcs.get(vpc_id)
        if vpc is None:
            raise Ec2Error("InvalidVPCId", f"The VPC: {vpc_id} does not exist.", parameter, path)
        return vpc

    def _with_vpc(self, zone: HostedZone, vpc_id: str, parameter: str, path: tuple[str | int, ...]) -> HostedZone:
        """Associate a VPC; no two zones that it sees have one name, an endpoint's hidden one included (DNS-7)."""
        vpc = self._zone_vpc(vpc_id, parameter, path)
        other = self._zone_of_that_name(vpc_id, zone.name)
        if other is not None or vpc_id in zone.vpc_ids:
            text = f"The VPC {vpc_id} in region {vpc.region} has already been associated with the hosted zone"
            what = f"{text} {other or zone.hosted_zone_id} with the same domain name."
            raise Ec2Error("ConflictingDomainExists", what, parameter, path)
        return replace(zone, vpc_ids=(*zone.vpc_ids, vpc_id))

    def _zone_of_that_name(self, vpc_id: str, name: str) -> str | None:
        """Return whose zone of a name a VPC already sees: a hosted zone's id, or an endpoint's."""
        for zone in self.hosted_zones.values():
            if zone.name == name and vpc_id in zone.vpc_ids:
                return zone.hosted_zone_id
        for endpoint in self.vpc_endpoints.values():
            service = self.services.get(endpoint.service_name)
            hidden = service.private_zone_names if service is not None and endpoint.private_dns_enabled else ()
            if endpoint.vpc_id == vpc_id and name in hidden:
                return f"of {endpoint.vpc_endpoint_id}'s private DNS"
        return None


def _zone_name(name: str) -> str:
    if not _NAME.fullmatch(name) or name.startswith("*") or len(name) > _MAX_NAME:
        raise Ec2Error("InvalidDomainName", f"{name} is not a valid domain name", "name")
    return name.lower().rstrip(".")


def _changed(
    zone: HostedZone, change: Mapping[str, Any], path: tuple[str | int, ...], endpoints: Container[str]
) -> HostedZone:
    """Return the zone after one change."""
    action = str(change.get("action", "")).upper()
    if action not in ACTIONS:
        text = f"Value '{change.get('action')}' at 'action' failed to satisfy constraint: one of {', '.join(ACTIONS)}"
        raise Ec2Error("InvalidInput", text, "changes", (*path, "action"))
    record = _record(zone, change, path, endpoints)
    shown = f"resource record set [name='{record.name}.', type='{_kind(record.type)}']"
    there = next((one for one in zone.resource_record_sets if _key(one) == _key(record)), None)
    if action == "DELETE":
        if there != record:
            why = "but it was not found" if there is None else "but the values provided do not match the current values"
            raise _refused(f"Tried to delete {shown} {why}", (*path, "name"))
        kept = tuple(one for one in zone.resource_record_sets if one != record)
        return replace(zone, resource_record_sets=kept)
    if there is not None and action == "CREATE":
        raise _refused(f"Tried to create {shown} but it already exists", (*path, "name"))
    for other in zone.resource_record_sets:
        if other.name == record.name and _key(other) != _key(record):  # RFC 1034: a CNAME stands alone
            text = f"RRSet of type {_kind(record.type)} with DNS name {record.name}. is not permitted"
            why = f"as it conflicts with other records with the same DNS name in zone {zone.name}."
            raise _refused(f"{text} {why}", (*path, "type"))
    if there is None:
        return replace(zone, resource_record_sets=(*zone.resource_record_sets, record))
    records = tuple(record if one is there else one for one in zone.resource_record_sets)
    return replace(zone, resource_record_sets=records)


def _record(
    zone: HostedZone, change: Mapping[str, Any], path: tuple[str | int, ...], endpoints: Container[str]
) -> ResourceRecordSet:
    """Return the record a change is about, in one spelling."""
    kind = str(change.get("type", "A"))
    if kind in OTHER_TYPES:
        raise unsupported(f"records of type {kind} are not modelled", "changes", (*path, "type"))
    if kind not in TYPES:
        raise Ec2Error("InvalidInput", f"'{kind}' is not a record type", "changes", (*path, "type"))
    written = str(change.get("name", ""))
    name = written.lower().rstrip(".")
    if not _NAME.fullmatch(written) or len(name) > _MAX_NAME:
        text = f"Invalid Resource Record: FATAL problem: DomainLabelInvalid encountered with '{written}'"
        raise _refused(text, (*path, "name"))
    if name != zone.name and not name.endswith(f".{zone.name}"):
        text = f"RRSet with DNS name {name}. is not permitted in zone {zone.name}."
        raise _refused(text, (*path, "name"))
    if kind == "CNAME" and name == zone.name:
        text = f"RRSet of type CNAME with DNS name {name}. is not permitted at apex in zone {zone.name}."
        raise _refused(text, (*path, "type"))
    values = listed(change.get("values", ()))
    if not values or (kind != "A" and len(values) > 1):
        raise Ec2Error("InvalidInput", f"A record of type {kind} has one value", "changes", (*path, "values"))
    shown = tuple(_value(kind, str(value), (*path, "values", index), endpoints) for index, value in enumerate(values))
    for index, value in enumerate(shown):
        if value in shown[:index]:
            raise _refused(f"Duplicate Resource Record: '{value}'", (*path, "values", index))
    return ResourceRecordSet(name, kind, shown)


def _value(kind: str, value: str, path: tuple[str | int, ...], endpoints: Container[str]) -> str:
    if kind == "ALIAS" and value in endpoints:
        return value
    if kind == "A":
        try:
            return str(address(value, "changes", path))
        except Ec2Error as error:
            if error.code == "UnsupportedOperation":
                raise
            why = "ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address)"
            raise _refused(f"Invalid Resource Record: FATAL problem: {why} encountered with '{value}'", path) from None
    if not _NAME.fullmatch(value) or value.startswith("*") or len(value) > _MAX_NAME:
        why = "DomainLabelInvalid (a name is expected)"
        raise _refused(f"Invalid Resource Record: FATAL problem: {why} encountered with '{value}'", path)
    if kind == "ALIAS" and "." not in value:
        raise _refused(f"Tried to create an alias that targets {value}, which is neither a name nor an endpoint", path)
    return value.lower().rstrip(".")


def _kind(record_type: str) -> str:
    """Return the type as Route 53 has it: an alias record is an A record."""
    return "A" if record_type == "ALIAS" else record_type


def _key(record: ResourceRecordSet) -> tuple[str, str]:
    return record.name, _kind(record.type)


def _refused(text: str, path: tuple[str | int, ...]) -> Ec2Error:
    return Ec2Error("InvalidChangeBatch", f"[{text}]", "changes", path)

"""A network of 200 VPCs, 5,000 interfaces and 50,000 rules: what it costs to load, to keep and to cross.

The same network is built twice: by calls of the control plane, and from a YAML document.  Then packets cross it, and a
small network (one VPC, one document of the same making) in the same process, in turns; what matters is the ratio.

    python benchmarks/large_network.py [--vpcs 200] [--packets 200000]
"""

from __future__ import annotations

import argparse
import gc
import json
import resource
import time
from typing import TYPE_CHECKING, Any

from emulator import ControlPlane, Network
from emulator.model.resources import Service, VpcEndpointType
from emulator.simulation.fabric import Attachment
from emulator.topology import load_document
from emulator.topology.documents import parse
from emulator.wire.packet import ACK, SYN, tcp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REGION = "us-east-1"
SUBNETS = 4
HOSTS = 23
GROUPS = 5
RULES = 20  # per group and direction
ENTRIES = 12  # per network ACL and direction; two lists a VPC
FLOWS = 400
SERVICE = f"com.amazonaws.{REGION}.tool"


def rules(number: int, group: int) -> Iterator[dict[str, Any]]:
    """Rules that admit little, and at last the traffic of this benchmark."""
    for index in range(RULES - 1):
        yield {"protocol": "tcp", "ports": 1000 + 20 * group + index, "peer": f"10.{number}.{index}.0/24"}
    yield {"protocol": "tcp", "ports": 443, "peer": "10.0.0.0/8"}


def entries() -> Iterator[dict[str, Any]]:
    """Entries that deny what nobody sends, and at last one that allows the rest."""
    for index in range(ENTRIES):
        yield {
            "rule_number": 100 + index,
            "protocol": "udp",
            "ports": 7000 + index,
            "cidr_block": "0.0.0.0/0",
            "rule_action": "deny",
        }
    yield {"rule_number": 30000, "protocol": "all", "cidr_block": "0.0.0.0/0", "rule_action": "allow"}


def document(vpcs: int) -> dict[str, Any]:
    """Return the network as a document: VPCs in a chain of peerings, each with four subnets and an endpoint."""
    made: dict[str, Any] = {"region": REGION, "services": {SERVICE: {}}}
    sections = ("vpcs", "subnets", "route_tables", "security_groups", "network_acls", "vpc_peering_connections")
    for section in (*sections, "instances", "vpc_endpoints"):
        made[section] = {}
    for number in range(vpcs):
        vpc = f"vpc-{number}"
        made["vpcs"][vpc] = {"cidr_blocks": [f"10.{number}.0.0/16"]}
        near = [one for one in (number - 1, number + 1) if 0 <= one < vpcs]
        routes = [{"destination": f"10.{one}.0.0/16", "target": f"pcx-{min(one, number)}"} for one in near]
        made["route_tables"][f"rtb-{number}"] = {"vpc_id": vpc, "routes": routes}
        if number + 1 < vpcs:
            made["vpc_peering_connections"][f"pcx-{number}"] = {"vpc_id": vpc, "peer_vpc_id": f"vpc-{number + 1}"}
        for index in range(SUBNETS):
            made["subnets"][f"subnet-{number}-{index}"] = {
                "vpc_id": vpc,
                "cidr_block": f"10.{number}.{index}.0/24",
                "availability_zone": f"{REGION}{'ab'[index % 2]}",
                "route_table_id": f"rtb-{number}",
            }
        for group in range(GROUPS):
            made["security_groups"][f"sg-x{number}-{group}"] = {
                "vpc_id": vpc,
                "ingress": list(rules(number, group)),
                "egress": list(rules(number, group)),
            }
        for index in range(2):
            made["network_acls"][f"acl-{number}-{index}"] = {
                "vpc_id": vpc,
                "ingress": list(entries()),
                "egress": list(entries()),
                "subnet_ids": [f"subnet-{number}-{index}", f"subnet-{number}-{index + 2}"],
            }
        for host in range(HOSTS):
            made["instances"][f"i-{number}-{host}"] = {
                "subnet_id": f"subnet-{number}-{host % SUBNETS}",
                "security_group_ids": [f"sg-x{number}-{host % GROUPS}"],
            }
        made["vpc_endpoints"][f"vpce-{number}"] = {
            "vpc_id": vpc,
            "service_name": SERVICE,
            "vpc_endpoint_type": "Interface",
            "subnet_ids": [f"subnet-{number}-0", f"subnet-{number}-1"],
            "security_group_ids": [f"sg-x{number}-0"],
        }
    return made


def yaml(made: dict[str, Any]) -> str:
    """Return the document as a person or a program would write it: a resource or a rule a line."""
    lines = [f"region: {made['region']}"]
    for section, resources in made.items():
        if section == "region":
            continue
        lines.append(f"{section}:")
        for name, entry in resources.items():
            lines.append(f"  {name}:" if entry else f"  {name}: {{}}")
            for key, value in entry.items():
                if isinstance(value, list) and value and isinstance(value[0], dict):
                    lines.append(f"    {key}:")
                    shown = (", ".join(f"{word}: {what}" for word, what in one.items()) for one in value)
                    lines += [f"      - {{{words}}}" for words in shown]
                else:
                    lines.append(f"    {key}: {json.dumps(value)}")
    return "\n".join(lines) + "\n"


def by_verbs(made: dict[str, Any]) -> ControlPlane:
    """Build the network by calls of the control plane."""
    ec2 = ControlPlane(REGION)
    ec2.register_service(Service(SERVICE, REGION, (VpcEndpointType.INTERFACE,)))
    for name, vpc in made["vpcs"].items():
        ec2.create_vpc(vpc["cidr_blocks"][0], vpc_id=name)
    for name, subnet in made["subnets"].items():
        ec2.create_subnet(subnet["vpc_id"], subnet["cidr_block"], subnet["availability_zone"], subnet_id=name)
    for name, peering in made["vpc_peering_connections"].items():
        ec2.create_vpc_peering_connection(peering["vpc_id"], peering["peer_vpc_id"], vpc_peering_connection_id=name)
    for name, table in made["route_tables"].items():
        ec2.create_route_table(table["vpc_id"], route_table_id=name)
        for route in table["routes"]:
            block = route["destination"]
            ec2.create_route(name, destination_cidr_block=block, vpc_peering_connection_id=route["target"])
    for name, subnet in made["subnets"].items():
        ec2.associate_route_table(subnet["route_table_id"], name)
    for name, acl in made["network_acls"].items():
        ec2.create_network_acl(acl["vpc_id"], network_acl_id=name)
        for direction in ("ingress", "egress"):
            for entry in acl[direction]:
                given = {key: value for key, value in entry.items() if key != "ports"}
                ports = entry.get("ports")
                ec2.create_network_acl_entry(
                    name, egress=direction == "egress", from_port=ports, to_port=ports, **given
                )
        for subnet_id in acl["subnet_ids"]:
            ec2.replace_network_acl_association(name, subnet_id)
    for name, group in made["security_groups"].items():
        ec2.create_security_group(group["vpc_id"], group_id=name)
        ec2.revoke_security_group_egress(name, ip_protocol="-1", cidr_ip="0.0.0.0/0")
        for direction, verb in (
            ("ingress", ec2.authorize_security_group_ingress),
            ("egress", ec2.authorize_security_group_egress),
        ):
            for rule in group[direction]:
                ports = rule["ports"]
                verb(name, ip_protocol=rule["protocol"], from_port=ports, to_port=ports, cidr_ip=rule["peer"])
    for name, instance in made["instances"].items():
        ec2.run_instances(instance_id=name, **instance)
    for name, endpoint in made["vpc_endpoints"].items():
        ec2.create_vpc_endpoint(vpc_endpoint_id=name, **endpoint)
    return ec2


def timed(what: str, call: Callable[[], Any]) -> Any:
    """Call, and print CPU seconds and how much the process has grown."""
    gc.collect()
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    result = call()
    spent = time.process_time() - started
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"{what:<44} {spent:8.2f} s   peak {grown:+8.0f} MB", flush=True)
    return result


class Crossing:
    """Open flows between hosts of one VPC, without TCP ends: what is timed is the network alone."""

    def __init__(self, ec2: ControlPlane, vpcs: int) -> None:
        self.network = Network(ec2, seed=1)
        self.flows: list[tuple[Attachment, Attachment, int]] = []
        plugs = {
            plug.attachment_id: plug
            for host in self.network.hosts.values()
            for plug in host.attachments
            if isinstance(plug, Attachment)
        }
        for plug in plugs.values():
            plug.receiver = self
        for flow in range(FLOWS):
            number, host = flow % vpcs, flow // vpcs % HOSTS
            client, server = plugs[f"eni-i-{number}-{host}"], plugs[f"eni-i-{number}-{(host + 1) % HOSTS}"]
            self.flows.append((client, server, 20_000 + flow))
        for flags, forward in ((SYN, True), (SYN | ACK, False), (ACK, True), (ACK, False)):
            for client, server, port in self.flows:
                self._send(client, server, port, flags, forward=forward)
            self.network.run_until_idle()
        assert self.network.fabric.delivered == 4 * FLOWS, self.network.fabric.drops

    def receive(self, attachment: Attachment, packet: object, now: int) -> None:
        """Be every host, and do nothing."""

    def _send(self, client: Attachment, server: Attachment, port: int, flags: int, *, forward: bool) -> None:
        if forward:
            client.send(tcp(client.address, server.address, port, 443, flags))
        else:
            server.send(tcp(server.address, client.address, 443, port, flags))

    def measure(self, packets: int) -> float:
        """Send packets over all flows in turn, both ways; CPU microseconds for each."""
        gc.collect()
        started, sent = time.process_time(), 0
        while sent < packets:
            for forward in (True, False):
                for client, server, port in self.flows:
                    self._send(client, server, port, ACK, forward=forward)
                self.network.run_until_idle()
                sent += len(self.flows)
        return (time.process_time() - started) / sent * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vpcs", type=int, default=200)
    parser.add_argument("--packets", type=int, default=200_000, help="per measurement")
    options = parser.parse_args()
    made = document(options.vpcs)
    text = yaml(made)
    counted = sum(
        len(one[direction])
        for section in ("security_groups", "network_acls")
        for one in made[section].values()
        for direction in ("ingress", "egress")
    )
    enis = len(made["instances"]) + 2 * len(made["vpc_endpoints"])
    print(f"{options.vpcs} VPCs, {enis} interfaces, {counted} rules; {len(text) / 2**20:.1f} MiB of YAML")
    plane = timed("built by verbs", lambda: by_verbs(made))
    read = timed("the document read", lambda: parse(text, "large"))
    loaded = timed("the document checked and built", lambda: load_document(read))
    assert loaded.network_interfaces == plane.network_interfaces
    assert loaded.security_groups == plane.security_groups
    del loaded
    timed("compiled into tables", plane.tables)
    large = timed("hosts plugged in, flows opened", lambda: Crossing(plane, options.vpcs))
    small = Crossing(by_verbs(document(1)), 1)
    costs = [(small.measure(options.packets), large.measure(options.packets)) for _ in range(3)]
    few, many = (min(cost) for cost in zip(*costs, strict=True))
    print(f"a packet across the small network {few:.2f} us, the large one {many:.2f} us: {many / few:.2f}x")
    large.network.abandon()
    small.network.abandon()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory of all of it {peak:.0f} MB")


if __name__ == "__main__":
    main()

"""The matrix of ``vpcemu trace``: from every host to every endpoint, and what one question costs.

Hosts stand in eight subnets of four VPCs; every VPC has its share of the endpoints, and peerings to the others, so that
some questions are answered with yes, some with no, on the way out or back.

    python benchmarks/matrix.py [--hosts 200] [--endpoints 20]
"""

from __future__ import annotations

import argparse
import itertools
import json
import time

from emulator import ControlPlane
from emulator.model.resources import Service, VpcEndpointType
from emulator.network.matrix import matrix

REGION = "us-east-1"
VPCS = 4


def network(hosts: int, endpoints: int) -> ControlPlane:
    """Return the network; every third endpoint admits nobody, and VPC 3 knows no way back to VPC 0."""
    ec2 = ControlPlane(REGION)
    for vpc in range(VPCS):
        ec2.create_vpc(f"10.{vpc}.0.0/16", vpc_id=f"vpc{vpc}")
        for group, peer in (("open", "10.0.0.0/8"), ("closed", "192.0.2.0/24")):
            name = f"{group}{vpc}"
            ec2.create_security_group(f"vpc{vpc}", group_id=name)
            ec2.authorize_security_group_ingress(name, ip_protocol="tcp", from_port=443, to_port=443, cidr_ip=peer)
        for number, zone in enumerate("ab"):
            block = f"10.{vpc}.{number}.0/24"
            ec2.create_subnet(f"vpc{vpc}", block, f"{REGION}{zone}", subnet_id=f"subnet{vpc}{zone}")
    for one, other in itertools.combinations(range(VPCS), 2):
        ec2.create_vpc_peering_connection(f"vpc{one}", f"vpc{other}", vpc_peering_connection_id=f"pcx{one}{other}")
        for here, there in ((one, other), (other, one)):
            if (here, there) != (VPCS - 1, 0):
                block, pcx = f"10.{there}.0.0/16", f"pcx{one}{other}"
                ec2.create_route(f"rtb-main-vpc{here}", destination_cidr_block=block, vpc_peering_connection_id=pcx)
    for number in range(hosts):
        vpc, zone = number % VPCS, "ab"[number // VPCS % 2]
        ec2.run_instances(instance_id=f"host{number}", subnet_id=f"subnet{vpc}{zone}")
    for number in range(endpoints):
        vpc, name = number % VPCS, f"com.amazonaws.{REGION}.tool{number}"
        if number < VPCS:
            ec2.create_vpc_endpoint(
                f"vpc{vpc}",
                f"com.amazonaws.{REGION}.s3",
                vpc_endpoint_id=f"endpoint{number}",
                route_table_ids=[f"rtb-main-vpc{vpc}"],
            )
            continue
        ec2.register_service(Service(name, REGION, (VpcEndpointType.INTERFACE,)))
        ec2.create_vpc_endpoint(
            f"vpc{vpc}",
            name,
            vpc_endpoint_type="Interface",
            vpc_endpoint_id=f"endpoint{number}",
            subnet_ids=[f"subnet{vpc}a", f"subnet{vpc}b"],
            security_group_ids=[f"{'closed' if number % 3 == 0 else 'open'}{vpc}"],
        )
    return ec2


def main() -> None:
    """Ask, and print what it cost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hosts", type=int, default=200)
    parser.add_argument("--endpoints", type=int, default=20)
    arguments = parser.parse_args()
    ec2 = network(arguments.hosts, arguments.endpoints)
    began = time.process_time()
    answers = matrix(ec2)
    spent = time.process_time() - began
    questions = len(answers.answers)
    print(
        json.dumps(
            {
                "hosts": arguments.hosts,
                "endpoints": arguments.endpoints,
                "questions": questions,
                "reachable": sum(answer.reachable for answer in answers.answers.values()),
                "cpu_seconds": round(spent, 2),
                "cpu_microseconds_per_question": round(spent / questions * 1e6, 1),
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()

"""Hosts for everything that should have one, kept true while the control plane changes.

Every instance has a host; every service one with an attachment per endpoint
interface or gateway endpoint, and, once packets can get there, a public side;
every VPC its resolver; every external host itself.  Called at each new
generation, before a packet meets the new tables.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from emulator.asyncio_net.stack import HostStack
from emulator.control.catalogue import further_names
from emulator.flows.walk import origin_of
from emulator.policies import FULL_ACCESS
from emulator.services import Authority, Program, Rotation, program_named, serve_resolver, serve_resolver_tcp
from emulator.services.programs import HttpProgram
from emulator.services.s3 import S3
from emulator.tcp import PROFILES

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from emulator.flows.tables import Tables
    from emulator.model.resources import Service
    from emulator.network.network import Network
    from emulator.services import Application
    from emulator.simulation.fabric import Attachment

INSTANCE_MTU: Final = 9001
"""Bytes (NET-6)."""
SERVICE_MTU: Final = 8500
"""Bytes: services announce and send at most what fits through an endpoint (VPCE-12)."""
INTERNET_MTU: Final = 1500
"""Bytes: of hosts beyond the edges, and of services' public sides (NET-6)."""
ANY_ADDRESS: Final = "0.0.0.0"  # noqa: S104 - an emulated host: VPC+2 and 169.254.169.253 (DNS-1)

NOT_JUDGED: Final = Authority(lambda _: FULL_ACCESS)
"""IAM is about AWS's services: what runs on a host answers whoever reaches it."""


@dataclass(frozen=True, slots=True)
class Plug:
    """An attachment that should be there.

    Attributes:
        host: Whose it is.
        address: 0 where a host answers at many.
        vpc_id: Whose network it is in; empty beyond the edges.
        vpc_endpoint_id: The endpoint it is behind.
        secondary: Further addresses.
    """

    host: str
    address: int
    vpc_id: str
    vpc_endpoint_id: str | None = None
    secondary: tuple[int, ...] = ()


class Plugging:
    """Gives everything that should have a host one, and unplugs what is gone.

    Attributes:
        hosts: By name: instances and external hosts by their id, services by their name, resolvers as
            ``<vpc>/resolver``, behind inbound endpoints as ``<resolver endpoint>/inbound``, public sides of services as
            ``<service>/public``.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self.hosts: dict[str, HostStack] = {}
        self._attachments: dict[str, tuple[Attachment, HostStack]] = {}
        self._programs: dict[str, Program | None] = {}
        self._generation = -1
        self._unstarted: list[tuple[HostStack, Callable[[], Coroutine[Any, Any, Any]]]] = []

    def refresh(self, tables: Tables) -> None:
        """Plug and unplug for the tables of a new generation."""
        if self._generation == tables.generation:
            return
        self._generation = tables.generation
        wanted = self._wanted(tables)
        fabric = self._network.fabric
        for gone in [name for name in self._attachments if name not in wanted]:
            attachment, host = self._attachments.pop(gone)
            host.attachments.remove(attachment)
            fabric.detach(gone)
        for name, plug in wanted.items():
            if name in self._attachments:
                continue
            host = self.hosts.get(plug.host) or self._new_host(plug, tables)
            place = origin_of(tables, name)
            attachment = fabric.attach(place, host, plug.address, plug.vpc_id, plug.vpc_endpoint_id)
            attachment.secondary = plug.secondary
            host.attach(attachment)
            self._attachments[name] = attachment, host
        applications = [one.application for one in self._programs.values() if isinstance(one, HttpProgram)]
        self._network.authority.apply([one for one in applications if isinstance(one, S3)])
        if self._network.loop.is_running():
            self.start()

    def _wanted(self, tables: Tables) -> dict[str, Plug]:
        """Return what should be plugged in, by attachment."""
        plane = self._network.ec2
        wanted: dict[str, Plug] = {}
        for vpc in tables.vpcs.values():
            resolver = f"{vpc.vpc_id}/resolver"
            wanted[resolver] = Plug(resolver, vpc.resolver_address, vpc.vpc_id)
        for inbound in plane.resolver_endpoints.values():
            for eni_id in inbound.network_interface_ids:
                eni = tables.interfaces[eni_id]
                wanted[eni_id] = Plug(f"{inbound.resolver_endpoint_id}/inbound", eni.address, eni.vpc_id)
        for instance in plane.instances.values():
            for eni_id in instance.network_interface_ids:
                eni = tables.interfaces[eni_id]
                wanted[eni_id] = Plug(instance.instance_id, eni.address, eni.vpc_id, None, eni.addresses[1:])
        for endpoint in plane.vpc_endpoints.values():
            name = endpoint.vpc_endpoint_id
            service = plane.services.get(endpoint.service_name)
            if service is not None and service.service_id is not None:
                continue  # load balancers stand behind it, and their targets are instances
            for eni_id in endpoint.network_interface_ids:
                eni = tables.interfaces[eni_id]
                wanted[eni_id] = Plug(endpoint.service_name, eni.address, eni.vpc_id, name)
            if name in tables.gateways:
                wanted[name] = Plug(endpoint.service_name, 0, endpoint.vpc_id, name)
        if tables.internet_gateways:
            for service in plane.services.values():
                if service.public_addresses and service.application is not None:
                    wanted[service.service_name] = Plug(f"{service.service_name}/public", 0, "")
        for host in plane.external_hosts.values():
            wanted[host.external_host_id] = Plug(host.external_host_id, int(host.ip_address), "")
        return wanted

    def _new_host(self, plug: Plug, tables: Tables) -> HostStack:
        """Make a host: an instance asks its VPC's resolver; a service answers at any address (D11)."""
        network, plane, name = self._network, self._network.ec2, plug.host
        draw = random.Random(f"{network.seed}/{name}")  # noqa: S311 - repeatable, not secret
        owner = name.removesuffix("/public")
        instance, outside = plane.instances.get(name), plane.external_hosts.get(name)
        service = plane.services.get(owner)
        if instance is not None:
            resolver: int | None = tables.vpcs[plug.vpc_id].resolver_address
            profile = PROFILES[instance.operating_system]
            host = HostStack(network.loop, name, draw, mtu=INSTANCE_MTU, resolver=resolver, profile=profile)
            program = self._program(name, name, tables.vpcs[plug.vpc_id].region, instance.application, instance.options)
        elif outside is not None:
            asked = outside.resolver_ip_address
            resolver = None if asked is None else int(asked)
            profile = PROFILES[outside.operating_system]
            host = HostStack(network.loop, name, draw, mtu=INTERNET_MTU, resolver=resolver, profile=profile)
            program = self._program(name, name, plane.region, outside.application, outside.options)
        else:
            mtu = INTERNET_MTU if name != owner else SERVICE_MTU
            host = HostStack(network.loop, name, draw, mtu=mtu, accept_any=True)
            program = self._service_program(service) if service is not None else None
        self.hosts[name] = host
        if name.endswith(("/resolver", "/inbound")):
            reader = network.names.reader(plug.vpc_id, inbound=name.endswith("/inbound"))
            turns = Rotation()
            for resolver_program in (serve_resolver, serve_resolver_tcp):
                self._unstarted.append((host, partial(resolver_program, ANY_ADDRESS, reader, turns)))
        if program is not None:
            names = () if service is None else (*service.private_dns_names, *further_names(service))
            serve = partial(
                program.serve,
                policy_of=network.authority if service is not None else NOT_JUDGED,
                observe=network.ruled,
                names=names,
            )
            self._unstarted.append((host, serve))
        return host

    def _service_program(self, service: Service) -> Program | None:
        return self._program(
            service.service_name, service.service_name, service.region, service.application, service.options
        )

    def _program(
        self, key: str, name: str, region: str, application: str | None, options: Mapping[str, object]
    ) -> Program | None:
        """Return the program of a service or host, the same one at each of its sides: they share what it keeps."""
        if key not in self._programs:
            self._programs[key] = None if application is None else program_named(application, name, region, options)
        return self._programs[key]

    def application_of(self, service_name: str) -> Application | None:
        """Return the HTTP application of a service, None for another program or for one given by API."""
        service = self._network.ec2.services.get(service_name)
        program = None if service is None else self._service_program(service)
        return program.application if isinstance(program, HttpProgram) else None

    def start(self) -> None:
        """Start the built-in programs that wait for the network to run; a network that is only asked starts none."""
        waiting, self._unstarted = self._unstarted, []
        for host, program in waiting:
            host.create_task(program(), name=f"{host.name} (built in)")

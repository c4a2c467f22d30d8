"""Which IP addresses may be connected to: public ones, private ones by registration, never link-local.

Asked by `egress` with the address a name resolved to, so that a name cannot move inside later (C-04).
"""

from ipaddress import IPv6Address, ip_address


def may_connect(ip: str, *, private: bool) -> bool:
    """Whether a packet may go there. `private`: the tenant registered its server as inside our network.

    Link-local addresses (cloud metadata lives there), multicast and unspecified ones are never allowed.
    """
    address = ip_address(ip.partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if address.is_link_local or address.is_multicast or address.is_unspecified:
        return False
    return address.is_global or (private and (address.is_private or address.is_loopback))

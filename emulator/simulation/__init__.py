"""The clock, the agenda, links, shapers, faults, and the fabric that carries packets.

Does not know what a program is.
"""

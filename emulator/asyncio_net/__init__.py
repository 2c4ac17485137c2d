"""The virtual-time event loop, and the IP stack that emulated hosts have instead of a kernel.  Knows no AWS rules."""

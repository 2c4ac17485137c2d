"""The composition root: the network as one thing, scenarios, workloads, questions."""

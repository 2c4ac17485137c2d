# The same commands by hand and in CI. `make demo` and `make test` are all a newcomer needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

PACKETS ?= 200000

.PHONY: demo test check examples coverage golden conformance mutants kernel kernel-tcp goodput bench compiled memory clean help

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[web,test]'
	@touch $@

demo: $(STAMP) ## run the example and say where the captures are
	$(BIN)/vpcemu run topologies/two-az-endpoints/scenario.yaml -o pcaps/out

test: $(STAMP) ## all tests
	$(BIN)/python -m pytest -q

check: $(STAMP) ## format, lint, types, house rules: in seconds
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/house

examples: $(STAMP) ## run every example: real libraries on emulated hosts
	@for example in $(filter-out %_server.py,$(wildcard examples/*.py)); do \
		echo "== $$example"; $(BIN)/python $$example pcaps/out/examples || exit 1; done

coverage: $(STAMP) ## branches of emulator/tcp that its tests take: more than 95 %
	$(BIN)/python -m pytest -q tests/tcp -k "not theory" --cov=emulator.tcp --cov-branch \
		--cov-report=term-missing:skip-covered --cov-report=json:$(VENV)/coverage.json
	$(BIN)/python -m tests.tcp.coverage_gate $(VENV)/coverage.json

golden: $(STAMP) ## make the golden captures again; review the change like code
	$(BIN)/python -m tests.golden

conformance: $(STAMP) ## write docs/conformance.md again: which fact of AWS is proven where
	$(BIN)/python -m tests.conformance.page

mutants: $(STAMP) ## break each fact on purpose: its tests must fail (FACTS="SG-1 NACL-2" for some)
	$(BIN)/python -m tests.mutants $(FACTS)

kernel: $(STAMP) ## let the Linux kernel judge many packets and routes (root): make kernel PACKETS=200000
	$(BIN)/python -m tests.kernel --packets $(PACKETS)

kernel-tcp: $(STAMP) ## 100 MB each way between our TCP and the kernel's, with no loss, 1 % and 3 % (root)
	$(BIN)/python -m tests.kernel.transfers --megabytes 100

bench: $(STAMP) ## CPU microseconds per packet, end to end
	$(BIN)/python benchmarks/bulk.py

goodput: $(STAMP) ## TCP's rate against theory, up to 10 Gbit/s and 80 ms, flows' shares, random loss: minutes
	$(BIN)/python -m tests.tcp.goodput

memory: $(STAMP) ## a 10 GB virtual transfer in flat memory
	$(BIN)/python benchmarks/flat_memory.py

compiled: $(STAMP) ## compile wire and tcp with mypyc, run their tests on the result
	$(BIN)/python -m tests.compiled

clean: ## remove what the targets made
	rm -rf $(VENV) pcaps/out build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

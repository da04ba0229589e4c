# `make` alone says what there is. The work is done by cargo and by scripts/stages.sh.

.PHONY: help demo check test bench soak bless

help:
	@echo "make demo    players on nodes that come and go (cargo demo)"
	@echo "make check   format, lints, unit and quick tests; installs nothing"
	@echo "make test    everything; says what it installs, and installs it"
	@echo "make bench   measures the core, what the C functions cost, and how fast a node empties"
	@echo "make soak    runs long: SOAK_ROUNDS, SOAK_SECONDS, PROPTEST_CASES"
	@echo "make bless   writes generated files anew"

demo:
	cargo demo

check:
	@scripts/stages.sh check

test:
	@scripts/stages.sh test

bench:
	cargo bench --locked --package sterna --all-features --bench core
	cargo bench --locked --package sterna-server --bench client
	cargo bench --locked --package sterna-server --bench drain

soak:
	@scripts/stages.sh soak

bless:
	BLESS=1 cargo test --locked --all-features --package sterna --test generated_files

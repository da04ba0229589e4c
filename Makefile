# `make` alone says what there is. The work is done by cargo and by scripts/stages.sh.

.PHONY: help demo check test test-windows install bench fuzz soak bless

PREFIX ?= /usr/local
TARGET = $(or $(CARGO_TARGET_DIR),target)

help:
	@echo "make demo    players on nodes that come and go (cargo demo)"
	@echo "make check   format, lints, unit and quick tests; installs nothing"
	@echo "make test    everything; says what it installs, and installs it"
	@echo "make test-windows  only this of it: games for Windows, by Wine"
	@echo "make install PREFIX=/usr/local  header, libraries, packages for CMake and pkg-config (needs cmake)"
	@echo "make bench   measures the core, what the C functions and snapshots cost, how fast a node empties"
	@echo "make fuzz    feeds every decoder and state machine for FUZZ_SECONDS each"
	@echo "make soak    runs long: SOAK_ROUNDS, SOAK_SECONDS, SIM_SEEDS, PROPTEST_CASES, FUZZ_SECONDS"
	@echo "make bless   writes generated files anew"

demo:
	cargo demo

check:
	@scripts/stages.sh check

test:
	@scripts/stages.sh test

test-windows:
	@scripts/stages.sh test tools build cross-libraries library:e2e_windows

install:
	@command -v cmake >/dev/null || { echo "missing: cmake"; exit 1; }
	cmake -S bindings/cpp -B "$(TARGET)/package" -D CMAKE_INSTALL_PREFIX="$(PREFIX)" -D CMAKE_BUILD_TYPE=Release
	cmake --build "$(TARGET)/package"
	cmake --install "$(TARGET)/package"

bench:
	cargo bench --locked --package sterna --all-features --bench core
	cargo bench --locked --package sterna-server --bench client
	cargo bench --locked --package sterna-server --bench drain
	cargo bench --locked --package sterna-server --bench durability

fuzz:
	@scripts/fuzz.sh seconds $${FUZZ_SECONDS:-600}

soak:
	@scripts/stages.sh soak

bless:
	BLESS=1 cargo test --locked --all-features --package sterna --test generated_files

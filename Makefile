# The commands you type. All of them share one target folder, because the database is slow to build.
export CARGO_TARGET_DIR ?= $(HOME)/.cache/broadsheet-target

# For tests after an edit: our own code unoptimised and incremental, the database as already built.
FAST = --config profile.release.package.broadsheet.opt-level=0 --config profile.release.incremental=true

.PHONY: run test test-fast check bench torture soak fuzz contract deny image check-deploy deps

run: deps ## build and start the server on 127.0.0.1:8080 with its data under ./data
	cargo run --release --locked -- serve

test: deps ## run all tests; reuses what `make run` has built
	cargo test --release --locked

test-fast: ## run only the tests whose names contain T, quickly after an edit: make test-fast T=feed::
	cargo test --release --locked $(FAST) -- $(T)

check: ## everything that CI checks
	.ci/run

bench: deps ## measure this machine
	cargo run --release --locked -- bench

torture: deps ## kill the release binary 200 times, cut its power, stop it, poison it, and compare with what it acknowledged
	TORTURE_KILLS=$${TORTURE_KILLS:-200} TORTURE_POWER=$${TORTURE_POWER:-50} TORTURE_SIGTERMS=$${TORTURE_SIGTERMS:-20} \
		TORTURE_POISONS=$${TORTURE_POISONS:-10000} cargo test --release --locked --test it torture:: -- --nocapture

soak: deps ## an hour of mixed load on the release binary, measured throughout; a report, two tables and a plot
	@command -v gnuplot >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get install -y -q --no-install-recommends gnuplot-nox; } || \
		echo "the plot needs gnuplot: sudo apt-get install gnuplot-nox" >&2
	SOAK_MINUTES=$${SOAK_MINUTES:-60} cargo test --release --locked --test it soak:: -- --nocapture

fuzz: deps ## search for inputs that break a property, FUZZ_SECONDS (30) for each target
	fuzz/run.sh

contract: deps ## check the release binary against its own OpenAPI document
	cargo build --release --locked
	tests/contract/run.sh

deny: ## check licences, sources and known vulnerabilities (github.com/rustsec/advisory-db) of all dependencies
	@command -v cargo-deny >/dev/null || cargo install cargo-deny --locked
	cargo deny check

image: ## build the container image
	@command -v docker >/dev/null && docker version >/dev/null 2>&1 || { echo "no container engine is running: start Docker (or Podman with its Docker socket), then run make image again; deploy/trial/container.sh builds and tries the image without a registry" >&2; exit 1; }
	docker build --tag broadsheet:$$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1) .

check-deploy: ## lint the Dockerfile and everything under deploy/
	deploy/check.sh
	deploy/prometheus/check.sh

deps: ## install what the build and the tests need, or say what is missing
	@if ! find /usr/lib /usr/lib64 /usr/local/lib /opt/homebrew/lib $(LIBCLANG_PATH) -name 'libclang.so*' -o -name 'libclang-[0-9]*.so*' -o -name 'libclang.dylib' 2>/dev/null | grep -q .; then \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			apt-get update -q && apt-get install -y -q libclang-dev; \
		else \
			echo "RocksDB needs libclang to build: sudo apt-get install libclang-dev (Debian, Ubuntu), sudo dnf install clang-devel (Fedora)" >&2; exit 1; \
		fi; fi
	@command -v curl >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get install -y -q curl; } || \
		echo "the README test needs curl: sudo apt-get install curl" >&2
	@/usr/bin/python3 -c 'import aiosmtpd, dkim, nacl' 2>/dev/null && command -v openssl >/dev/null || \
		{ [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -q && apt-get install -y -q python3-aiosmtpd python3-dkim python3-nacl openssl; } || \
		echo "the mail tests need aiosmtpd and dkimpy: sudo apt-get install python3-aiosmtpd python3-dkim python3-nacl openssl" >&2
	@command -v c++ >/dev/null || { echo "RocksDB needs a C++20 compiler: sudo apt-get install g++" >&2; exit 1; }

# One door to the daily work; each target is a script in scripts/ that says what it needs.
# ARGS goes through: make run ARGS="--people 50", make test ARGS="-p gangway-vault".

.PHONY: run run-scale test bench bench-budget chaos fuzz lint fmt conformance helm-test

run: ## Build the release binary and start the demo on 127.0.0.1:8080
	@scripts/run.sh $(ARGS)

run-scale: ## Start two APIs behind a balancer and three workers over a private PostgreSQL and Redis
	@scripts/run-scale.sh $(ARGS)

test: ## Run all tests against SQLite and a private PostgreSQL and Redis
	@scripts/test.sh $(ARGS)

bench: ## Measure the platform, each figure beside its limit or peer from the same run
	@scripts/bench.sh $(ARGS)

bench-budget: ## Measure a vendor's limit shared over Redis: in real time, and hours with crises on a played one
	@scripts/bench-budget.sh $(ARGS)

fuzz: ## Try damaged inputs on everything that reads what strangers send
	@scripts/fuzz.sh $(ARGS)

chaos: ## Kill processes, PostgreSQL and Redis 200 times beside 20 tenants, and look what became of their records
	@GANGWAY_CHAOS_KILLS=$${GANGWAY_CHAOS_KILLS:-200} scripts/test.sh --no-capture -E 'test(cli::chaos)' $(ARGS)

lint: ## Formatting, tidy, clippy, licences, documentation
	@scripts/lint.sh

fmt: ## Format every crate
	@cargo fmt --all

helm-test: ## Lint and render the chart with Helm 3 and 4, and feed it bad values
	@scripts/helm-test.sh

conformance: ## Check the OpenAPI document and the running API with independent tools, and the sandbox with clients of others
	@scripts/conformance.sh $(ARGS)

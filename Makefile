# Chop: what there is to do with this folder. `make help` lists it.

# Go's usual place, for a shell that does not look there.
export PATH := $(PATH):/usr/local/go/bin
# A clone that belongs to another user has no version that git would tell: build without.
export GOFLAGS := $(GOFLAGS) -buildvcs=false

DIR         ?= ./data
FUZZTIME    ?= 60s
STATICCHECK := bin/staticcheck-0.8.2
RIVAL       := bin/timestamp-server-1.2.9

.DEFAULT_GOAL := help
# Pages that are built and embedded. Each has its target below.
WEB := web-approval web-portal

# The browser tests of one sort or another, and how much they look at.
BROWSER := 'TestPages|TestFlows|TestFlow|TestDraw|TestPeople|TestFilms|TestRegistration|TestDepartment'

.PHONY: $(WEB) web-browser face help deps deps-test deps-bench deps-soak build demo test test-browser check bench soak fuzz clean

help: ## this list
	@echo "make <target>:"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "Start with: make demo"

deps: ## install the Debian packages that building and running need, if missing
	@scripts/deps demo

deps-test deps-bench deps-soak: deps-%: # what these need besides
	@scripts/deps $*

build: $(WEB) face ## bin/chop, and beside it bin/chop-kiosk (a kiosk's card reader) and bin/chop-card (made-up cards)
	@mkdir -p bin
	go build -o bin/chop ./cmd/chop
	go build -o bin/ ./cmd/chop-card ./cmd/chop-kiosk

demo: deps build ## make an appliance in DIR (./data), sign a PDF, and serve; ONCE=1 ends after the job
	bin/chop demo --dir $(DIR) $(if $(filter-out 0,$(ONCE)),--once)

test: deps-test $(WEB) web-browser face ## all tests, with real PostgreSQL and SoftHSM; RUN=regexp chooses, PKG=./ca/... too
	@scripts/test $(if $(RUN),-run '$(RUN)') $(if $(PKG),$(PKG),./...)

test-browser: deps-test $(WEB) web-browser face ## only what runs in Chromium, every page in three languages at every width; screenshots in bin/screenshots
	CHOP_SWEEP=whole scripts/test -run $(BROWSER) ./portal ./portal/verify ./registration/kiosk ./signer/approval ./test/browser

check: $(STATICCHECK) ## gofmt, go vet, staticcheck, and who may import whom
	@test -z "$$(gofmt -l .)" || { echo "gofmt -w these files:"; gofmt -l .; exit 1; }
	go vet ./...
	$(STATICCHECK) ./...
	go test -count=1 -run '^TestLayers' .

bench: deps-bench build $(RIVAL) ## the benchmarks, as a table and as bench.json
	bin/chop bench --rival $(RIVAL) --file bench.json

soak: deps-soak ## the long ones: the demo in a bare Debian, two ways; 200 kills; 100,000 approvals; 200 changed bytes a signed file; Java on our signatures; every fuzz target
	scripts/bare-debian pivot
	scripts/bare-debian chroot
	CHOP_KILLS=200 go test -count=1 -timeout 2h -run Killed ./cmd/chop
	CHOP_APPROVALS=100000 go test -count=1 -timeout 2h -v -run TestRun ./signer/activation/benchmark
	CHOP_CHANGES=200 go test -count=1 -timeout 2h -v -run TestRoundTrip ./validation
	go test -tags java -count=1 -v -run TestJava ./test/strangers
	$(MAKE) test-browser
	$(MAKE) fuzz

fuzz: ## every fuzz target in the tree, FUZZTIME (60s) each
	@FUZZTIME=$(FUZZTIME) scripts/fuzz

clean: ## remove bin/ (the data folder stays: it holds keys)
	rm -rf bin bench.json .bare

web-portal: # the residents' site, into portal/static
	@scripts/web portal/web ../static/portal.css

web-approval: # the approval page, into signer/approval/static
	@scripts/web signer/approval/web ../static/index.html

web-browser: # what drives the browser in test/browser
	@scripts/web test/browser

face: # the weights of the face nets, into bin/share/face
	@scripts/face

# Tools, each of one version, without a line in go.mod.
$(STATICCHECK):
	@mkdir -p bin
	GOBIN=$(CURDIR)/bin go install honnef.co/go/tools/cmd/staticcheck@v0.8.2
	@mv bin/staticcheck $@

# Another timestamping authority, which ours is measured beside.
$(RIVAL):
	@mkdir -p bin
	GOBIN=$(CURDIR)/bin go install github.com/sigstore/timestamp-authority/cmd/timestamp-server@v1.2.9
	@mv bin/timestamp-server $@

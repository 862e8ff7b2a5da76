# A fresh machine needs python3 (3.10 or newer), make and a C++ compiler.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# The editable install imports this tree; the stamp is as old as what it was built from.
STAMP := $(VENV)/installed
NATIVE := $(shell find csrc -type f)
CPP := $(filter %.cpp %.h %.cu %.cuh,$(NATIVE))

.PHONY: demo test emulation lint bench bench-check install clean

demo: install  ## Fit a built-in scene for a minute, evaluate it, film it, write a report.
	$(BIN)/python -m nfield.demo

test: $(VENV)/mesh  ## All tests.
	$(BIN)/python -m pytest

# The GPU's kernels as C++, in a copy of the package.
EMULATION := build/emulation
# Without -S the editable install would come before the copy.
EMULATED = NFIELD_ISA=emulation PYTHONPATH=.:$$($(abspath $(BIN))/python -c \
	"import site; print(site.getsitepackages()[0])") $(abspath $(BIN))/python -S
emulation: install  ## Tests of the GPU's kernels on the CPU.
	$(BIN)/cmake -S csrc -B $(EMULATION)/build -DNF_CUDA_EMULATION=ON -DCMAKE_BUILD_TYPE=Release \
		-Dnanobind_DIR=$$($(BIN)/python -m nanobind --cmake_dir) -DPython_EXECUTABLE=$(abspath $(BIN))/python
	$(BIN)/cmake --build $(EMULATION)/build --parallel
	rm -rf $(EMULATION)/nfield $(EMULATION)/tests
	cp -r nfield tests $(EMULATION)
	rm -f $(EMULATION)/nfield/ops/_native*.so
	cp $(EMULATION)/build/_native*.so $(EMULATION)/nfield/ops
	cd $(EMULATION) && $(EMULATED) -c "from nfield.ops.native import isa; assert isa() == 'emulation'"
	cd $(EMULATION) && $(EMULATED) -m pytest -q -c $(abspath pyproject.toml) --rootdir . tests/ops tests/cuda

lint: install  ## Style and types.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/clang-format --dry-run --Werror $(CPP)

bench: install  ## Kernels and training beside their peers.
	$(BIN)/python -m benchmarks.kernels
	$(BIN)/python -m benchmarks.architectures
	$(BIN)/python -m benchmarks.train

bench-check: install  ## A small benchmark beside the stored results: fails where it is worse.
	rm -rf runs/bench-check
	$(BIN)/nfield bench benchmarks/check.toml --out runs/bench-check
	$(BIN)/nfield bench compare benchmarks/results/check.json runs/bench-check

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt $(NATIVE)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c constraints.txt torch==2.13.0
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[dev,video,log]"
	touch $@

# Large, needed by shapes and exports alone, and not there for every Python: their tests skip
# without it.
$(VENV)/mesh: $(STAMP)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[mesh,maps,viewer]" || echo "no extras mesh, maps, viewer"
	touch $@

clean:
	rm -rf $(VENV) build

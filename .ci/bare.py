"""Run by .ci/wheel in an environment with nspdata, numpy and pyarrow only, outside the source tree."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

sys.path = [path for path in sys.path if Path(path or ".").resolve() != Path(__file__).parent.resolve()]
os.chdir(sys.argv[1])

import nspdata  # noqa: E402

for package in ("apache_beam", "spacy", "tokenizers", "torch", "typer", "rich", "orjson", "datasets"):
    assert importlib.util.find_spec(package) is None, f"{package} is installed: this environment is not bare"
assert "site-packages" in nspdata.__file__, nspdata.__file__
assert (Path(nspdata.__file__).parent / "py.typed").exists()
assert (Path(nspdata.__file__).parent / "examples" / "beam_pipeline.py").exists()
assert set(nspdata.__all__) <= set(dir(nspdata))
for name in ("Loader", "Mixture", "Cache", "Dataset", "open_dataset", "BuildConfig", "TrainConfig", "ConfigError"):
    getattr(nspdata, name)
try:
    nspdata.open_dataset("absent")
except nspdata.ShardError as error:
    assert "no manifest.json" in str(error)
done = subprocess.run([sys.executable, "-m", "nspdata", "--help"], capture_output=True, text=True, check=False)
assert done.returncode != 0, done
assert "pip install 'nspdata[cli]'" in done.stderr, done.stderr
IMPORT = """
import sys, time
before, start = set(sys.modules), time.perf_counter()
import nspdata
seconds = time.perf_counter() - start
loaded = {name.partition(".")[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names)
assert loaded == {"nspdata"}, loaded
print(seconds)
"""
seconds = min(float(subprocess.check_output([sys.executable, "-c", IMPORT])) for _ in range(5))  # noqa: S603
assert seconds < 0.05, f"import nspdata takes {1000 * seconds:.0f} ms"
print(f"import nspdata takes {1000 * seconds:.1f} ms")  # noqa: T201
print("the wheel works without extras")  # noqa: T201

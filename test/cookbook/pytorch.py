"""Writes pytorch.json: what the block `save.py` of docs/cookbook.md saves and prints. Needs torch and safetensors."""

import base64
import contextlib
import io
import json
import os
import pathlib
import re
import tempfile

here = pathlib.Path(__file__).resolve().parent
page = (here / "../../docs/cookbook.md").read_text()
code = re.search(r"```python\n(# save\.py\n.*?)```", page, re.S).group(1)
printed = io.StringIO()
with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    with contextlib.redirect_stdout(printed):
        exec(code)
    file = pathlib.Path("net.safetensors").read_bytes()
    os.chdir("/")
result = {"file": base64.b64encode(file).decode(), "output": json.loads(printed.getvalue())[0]}
(here / "pytorch.json").write_text(json.dumps(result, indent=2) + "\n")

"""Files for continuous integration, containers and commits: valid, and what they call exists."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path
from shlex import split as words

import pytest
import yaml
from conftest import REPOSITORY

WORKFLOWS = sorted((REPOSITORY / ".github" / "workflows").glob("*.yml"))
CONTAINER = REPOSITORY / ".devcontainer" / "devcontainer.json"
COMMITS = REPOSITORY / ".pre-commit-config.yaml"
BIN = Path(sys.executable).parent


def steps(workflow: dict) -> list[dict]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def calls() -> list[tuple[str, str]]:
    """(file, command line) of everything that these files run."""
    found = []
    for path in WORKFLOWS:
        for step in steps(yaml.safe_load(path.read_text())):
            found += [(path.name, line) for line in step.get("run", "").splitlines()]
    container = json.loads(CONTAINER.read_text())
    found += [(CONTAINER.name, container[key]) for key in container if key.endswith("Command")]
    for repository in yaml.safe_load(COMMITS.read_text())["repos"]:
        found += [(COMMITS.name, hook["entry"]) for hook in repository["hooks"]]
    return found


def targets() -> set[str]:
    makefile = (REPOSITORY / "Makefile").read_text()
    (names,) = re.findall(r"^\.PHONY: (.*)", makefile, re.MULTILINE)
    rules = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    assert set(names.split()) == rules, "every target is phony, and has a rule"
    return rules


@pytest.mark.slow
def test_workflows_are_what_their_schema_asks():
    tool = shutil.which("check-jsonschema", path=BIN)
    if tool is None:
        pytest.skip("check-jsonschema is not installed")
    command = [tool, "--builtin-schema", "vendor.github-workflows", *map(str, WORKFLOWS)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_workflows_open_no_door():
    tool = shutil.which("zizmor", path=BIN)
    if tool is None:
        pytest.skip("zizmor is not installed")
    config = str(REPOSITORY / ".github" / "zizmor.yml")
    command = [tool, "--offline", "--quiet", "--config", config, *map(str, WORKFLOWS)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(("file", "line"), calls(), ids=lambda text: text[:40])
def test_what_is_called_exists(file, line):
    command, *rest = words(line)
    if command == "make":
        assert set(rest) <= targets(), f"{file}: make {rest}: no such target"
        return
    if command.startswith(".venv/bin/"):
        assert shutil.which(command.removeprefix(".venv/bin/"), path=BIN), f"{file}: {command}"
    elif command.startswith("."):
        script = REPOSITORY / command
        assert script.is_file(), f"{file}: {command}"
        assert script.stat().st_mode & 0o111, f"{file}: {command} cannot be run"
    else:
        assert command == "python", f"{file}: {command} is nobody's script"
    if "-m" in rest:
        module = rest[rest.index("-m") + 1]
        assert module in ("pip", "uv") or find_spec(module), f"{file}: {module}"


def test_what_a_workflow_uploads_is_what_its_steps_make():
    made = {"runs/site": "make site", "dist/": "make dist"}
    for path in WORKFLOWS:
        all_steps = steps(yaml.safe_load(path.read_text()))
        for step in all_steps:
            if "upload" in step.get("uses", ""):
                maker = made[step["with"]["path"]]
                assert maker in [other.get("run") for other in all_steps], path.name


def test_every_python_from_the_oldest_allowed_on_is_tried():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    oldest = int(project["requires-python"].removeprefix(">=3."))
    workflow = yaml.safe_load((REPOSITORY / ".github/workflows/tests.yml").read_text())
    tried = workflow["jobs"]["whole"]["strategy"]["matrix"]["python"]
    assert tried == [f"3.{minor}" for minor in range(oldest, oldest + len(tried))]
    assert len(tried) > 2

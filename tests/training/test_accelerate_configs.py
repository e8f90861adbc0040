"""The launch files are what accelerate takes, for as many processes as they say."""

from pathlib import Path

import pytest
from accelerate.commands.config.config_args import load_config_from_file

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(("name", "machines", "processes"), [("one_node", 1, 8), ("four_nodes", 4, 32)])
def test_launch_files(name, machines, processes):
    path = ROOT / "configs" / "accelerate" / f"{name}.yaml"
    config = load_config_from_file(str(path))
    assert (config.num_machines, config.num_processes, config.distributed_type) == (machines, processes, "MULTI_GPU")
    assert f"--config_file {path.relative_to(ROOT)} " in path.read_text(encoding="utf-8")

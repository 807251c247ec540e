"""A run on a real Ray cluster of two nodes on this machine, told as JSON; for tests.

`python ray_run.py IN OUT TOLD REQUEST` writes to the file TOLD, because Ray prints as well. REQUEST
is a JSON object: `limits` of the workers, the number of `workers`, `kill_after`: after so many
clips the second node dies without a word, and `pipeline`: whether to redact, instead of running
the stand-in.
"""

import json
import logging
import sys
from pathlib import Path

import ray
from ray.cluster_utils import Cluster

import redact
from redact.batch import many


class Killer(redact.BatchObserver):
    """Kills a node once so many clips have ended."""

    def __init__(self, kill, after):
        self.kill, self.left = kill, after

    def ended(self, record):
        self.left -= 1
        if self.left == 0:
            self.kill()


def main():
    source, target, told, request = *sys.argv[1:4], json.loads(sys.argv[4])
    if not request.get("pipeline"):
        many.REDACT_TASK = "stand_ins:act"
    head = {"num_cpus": 2, "include_dashboard": False, "object_store_memory": 100_000_000}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    second = cluster.add_node(num_cpus=2, object_store_memory=100_000_000)
    ray.init(address=cluster.address, log_to_driver=False, logging_level=logging.ERROR)
    cluster.wait_for_nodes()
    kill_after = request.get("kill_after", 0)
    report = redact.redact_many(
        [source],
        target,
        engine="ray",
        workers=request.get("workers"),
        settings=redact.Settings(detector="fast", plates=False, audit=False),
        limits=redact.WorkerLimits(**request.get("limits", {})),
        observer=Killer(lambda: cluster.remove_node(second, allow_graceful=False), kill_after),
    )
    values = {
        "records": [
            {**record.to_dict(), "pid": record.outcome.report.get("pid")}
            for record in report.records
        ],
        "workers": report.capacity.workers,
    }
    Path(told).write_text(json.dumps(values))
    ray.shutdown()
    cluster.shutdown()


if __name__ == "__main__":
    main()

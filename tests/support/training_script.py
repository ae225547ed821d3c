"""Trains the cohort's model, for tests that need a process of their own; prints the result as JSON on rank zero.

usage: training_script.py FOLDER MAX_EPOCHS DEVICES
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from gtexgen.training.fit import FitOptions, fit
from support.training_cohort import Cohort, cohort_model

if __name__ == "__main__":
    folder, max_epochs, devices = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    options = FitOptions(
        max_epochs=max_epochs,
        patience=100_000,
        accelerator="cpu",
        devices=devices,
        strategy="ddp" if devices > 1 else "auto",
        progress_bar=devices == 1,
    )
    model = cohort_model()
    result = fit(model, Cohort().data(), folder, options=options)
    checksum = float(sum(weight.double().sum() for weight in model.state_dict().values()))
    sys.stdout.write(
        json.dumps(
            {
                "stopped_by": result.stopped_by,
                "epochs": result.epochs,
                "best_epoch": result.best_epoch,
                "metrics": result.metrics,
                "checksum": checksum,
                "last_checkpoint": str(result.last_checkpoint),
            }
        )
        + "\n"
    )

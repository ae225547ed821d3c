"""Studies: many training runs whose settings Optuna chooses by what the runs before came to."""

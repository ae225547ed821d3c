"""One judgement from start to end: what is judged, by which real samples, beside what, and the folder it fills."""

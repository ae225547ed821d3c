"""Where latents come from when no sample is at hand: one file a prior."""

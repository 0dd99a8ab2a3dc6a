"""The study: a picker is trained on every modality, and its scores are compared."""

// Inference: see ARCHITECTURE.md.

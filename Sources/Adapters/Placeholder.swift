// Adapters: see ARCHITECTURE.md.

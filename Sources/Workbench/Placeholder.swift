// Workbench: see ARCHITECTURE.md.

// Tokenizers: see ARCHITECTURE.md.

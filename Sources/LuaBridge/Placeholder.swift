// LuaBridge: see ARCHITECTURE.md.

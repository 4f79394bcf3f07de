// Carries the Lua files of this folder inside the binary.

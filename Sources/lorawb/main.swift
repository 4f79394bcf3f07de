print("lorawb")

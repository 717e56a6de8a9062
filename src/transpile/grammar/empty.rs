// Nothing: the crates are here for their C.

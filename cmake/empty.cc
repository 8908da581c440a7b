// A folder that holds no source yet.

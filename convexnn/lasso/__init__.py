"""How the equivalent Lasso is stated, solved and certified."""

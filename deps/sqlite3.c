// SQLite in one piece, over mathematical functions of our own.
#include "math_names.h"

#include <sqlite3.c>

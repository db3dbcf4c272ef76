// The mathematical functions under SQLite by names of our own: what the machine's library answers in
// the last bit depends on its version and on what the processor can do. Included before the sources of
// musl, which define them, and of SQLite, which calls them (its full text ranking, too).
// Not here: what has but one right answer and gets it everywhere (sqrt, fmod, floor, ceil, trunc, scalbn).
#pragma once

#include <math.h>

#define acos lockstep_acos
#define acosh lockstep_acosh
#define asin lockstep_asin
#define asinh lockstep_asinh
#define atan lockstep_atan
#define atan2 lockstep_atan2
#define atanh lockstep_atanh
#define cos lockstep_cos
#define cosh lockstep_cosh
#define exp lockstep_exp
#define expm1 lockstep_expm1
#define log lockstep_log
#define log10 lockstep_log10
#define log1p lockstep_log1p
#define log2 lockstep_log2
#define pow lockstep_pow
#define sin lockstep_sin
#define sinh lockstep_sinh
#define tan lockstep_tan
#define tanh lockstep_tanh

double acos(double);
double acosh(double);
double asin(double);
double asinh(double);
double atan(double);
double atan2(double, double);
double atanh(double);
double cos(double);
double cosh(double);
double exp(double);
double expm1(double);
double log(double);
double log10(double);
double log1p(double);
double log2(double);
double pow(double, double);
double sin(double);
double sinh(double);
double tan(double);
double tanh(double);

// What they call of each other.
#define __cos lockstep_kernel_cos
#define __exp_data lockstep_exp_data
#define __expo2 lockstep_expo2
#define __log_data lockstep_log_data
#define __log2_data lockstep_log2_data
#define __math_divzero lockstep_math_divzero
#define __math_invalid lockstep_math_invalid
#define __math_oflow lockstep_math_oflow
#define __math_uflow lockstep_math_uflow
#define __math_xflow lockstep_math_xflow
#define __pow_log_data lockstep_pow_log_data
#define __rem_pio2 lockstep_rem_pio2
#define __rem_pio2_large lockstep_rem_pio2_large
#define __sin lockstep_kernel_sin
#define __tan lockstep_kernel_tan

// Declared by libm.h, defined by nobody, and other things to the machine's library.
#define __cosl lockstep_kernel_cosl
#define __sinl lockstep_kernel_sinl
#define __tanl lockstep_kernel_tanl

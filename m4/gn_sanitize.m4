# SPDX-License-Identifier: BSD-2-Clause

# GN_SANITIZE: --enable-sanitizers=LIST, --enable-coverage, --enable-fuzzing;
# flags in SAN_CFLAGS and COV_CFLAGS, used for compiling and for linking.
AC_DEFUN([GN_SANITIZE], [
AC_ARG_ENABLE([sanitizers],
  [AS_HELP_STRING([--enable-sanitizers=LIST],
    [as for -fsanitize=, for instance address,undefined])],
  [], [enable_sanitizers=no])
AC_ARG_ENABLE([coverage],
  [AS_HELP_STRING([--enable-coverage], [instrument for gcov])],
  [], [enable_coverage=no])
AC_ARG_ENABLE([fuzzing],
  [AS_HELP_STRING([--enable-fuzzing],
    [build the libFuzzer targets (clang only)])],
  [], [enable_fuzzing=no])
AS_IF([test "x$enable_sanitizers" = xyes],
  [enable_sanitizers=address,undefined])
SAN_CFLAGS=
AS_IF([test "x$enable_sanitizers" != xno],
  [SAN_CFLAGS="-fsanitize=$enable_sanitizers -fno-sanitize-recover=all"
   SAN_CFLAGS="$SAN_CFLAGS -fno-omit-frame-pointer"])
AS_IF([test "x$enable_fuzzing" = xyes],
  [SAN_CFLAGS="$SAN_CFLAGS -fsanitize=fuzzer-no-link"])
COV_CFLAGS=
AS_IF([test "x$enable_coverage" = xyes],
  [COV_CFLAGS="--coverage -fprofile-update=atomic"])
gn_saved_cflags=$CFLAGS
CFLAGS="$CFLAGS $SAN_CFLAGS $COV_CFLAGS"
AC_MSG_CHECKING([whether instrumented programs link])
AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])], [AC_MSG_RESULT([yes])],
  [AC_MSG_RESULT([no])
   AC_MSG_ERROR([$CC cannot link with $SAN_CFLAGS $COV_CFLAGS])])
CFLAGS=$gn_saved_cflags
AC_SUBST([SAN_CFLAGS])
AC_SUBST([COV_CFLAGS])
AM_CONDITIONAL([INSTRUMENTED],
  [test "x$enable_sanitizers$enable_coverage$enable_fuzzing" != xnonono])
AM_CONDITIONAL([ENABLE_FUZZING], [test "x$enable_fuzzing" = xyes])
])

//! Callers with tokens: what `jwt-authentication` is told, and what a request carries. The keys were made for this, and those that
//! sign are gone: nobody else trusts them.

pub(super) const HS256: [&str; 2] = [
    "jwt-authentication: {config: {issuer: bench, audience: [bench], jwt_algorithm: HS256, jwt_secret: \"only \
     for this benchmark, and 32 bytes or more\"}}",
    "Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJiZW5jaCIsInN1YiI6ImFkYSIsImF1ZCI6ImJlbmNoIiwi\
     c2NvcGUiOiJvcmRlcnM6cmVhZCBvcmRlcnM6d3JpdGUiLCJpYXQiOjE3NjQ1MDAwMDAsImV4cCI6MzI1MDM2ODAwMDB9.0-9pz0Z\
     7jZbgS8rf_rBXPqTjKwsPGGynu5PtPVLU-J4",
];

pub(super) const EDDSA: [&str; 2] = [
    "jwt-authentication: {config: {issuer: bench, audience: [bench], jwt_algorithm: EdDSA, jwt_secret: \"-----\
     BEGIN PUBLIC KEY-----\\nMCowBQYDK2VwAyEACWPv0v1+fAW16T76/0I3DNjh8VG+KEt0SSI9YbyzrP4=\\n-----END PUBLIC KE\
     Y-----\\n\"}}",
    "Bearer eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJiZW5jaCIsInN1YiI6ImFkYSIsImF1ZCI6ImJlbmNoIiwi\
     c2NvcGUiOiJvcmRlcnM6cmVhZCBvcmRlcnM6d3JpdGUiLCJpYXQiOjE3NjQ1MDAwMDAsImV4cCI6MzI1MDM2ODAwMDB9.nEicHh3\
     iuLnUGbBHynMzjJCjo9aIrQ3UrmZJ1by36tyVJjyx8-i70321RgHFwL9aTqm2ZkE7FwCiPwcRmDpuAg",
];

pub(super) const ES256: [&str; 2] = [
    "jwt-authentication: {config: {issuer: bench, audience: [bench], jwt_algorithm: ES256, jwt_secret: \"-----\
     BEGIN PUBLIC KEY-----\\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE1fIgSwg8jXwHsSpAD683Zumbin5N\\nGWblEBhMomKybb\
     4DkMxiUJFN/u0Kq5mRtICZC//tXPK+eoLNadcBcgfJEQ==\\n-----END PUBLIC KEY-----\\n\"}}",
    "Bearer eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJiZW5jaCIsInN1YiI6ImFkYSIsImF1ZCI6ImJlbmNoIiwi\
     c2NvcGUiOiJvcmRlcnM6cmVhZCBvcmRlcnM6d3JpdGUiLCJpYXQiOjE3NjQ1MDAwMDAsImV4cCI6MzI1MDM2ODAwMDB9.Q8xGiOb\
     nKZ2Lyd5QzEW76aQ5hX6yFBXS1s7VBzdSxQJXbyg5dg82RUnJpE0juj3lqGBNpAXhNDnGNBchklFesg",
];

pub(super) const RS256: [&str; 2] = [
    "jwt-authentication: {config: {issuer: bench, audience: [bench], jwt_algorithm: RS256, jwt_secret: \"-----\
     BEGIN PUBLIC KEY-----\\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAmF4vxq9ewJ1aPTF8o8qC\\n++PeYpYQKzuNCT\
     hNustqbsA4ubnGUBU9/3+lkgTEZ+qbMhFl9OtPNL8he+6IhS5G\\ncNij5a2Q6rBDklOMU4v0MxHwnMUm8mKMxbiTjjF1umC6xIYi95+B\
     f4iJgoNFQ2s4\\nwsDyROS7EZzNmNI9Xmxp+szoph3Uct2tnnn2T51kW5CZuyDT6ja9KACVf6zCfiXm\\nX2aDPsirkBCj2ukW4UZFxJF\
     yCrdRwntXpXvy0GhVZcJtwsd+SD1dgYWH4WMz5Yl7\\nuDsyUeikQbXPUyTBSyys9CdMxVjhFyvCr0rLRXAn++S+or3Bw48bbU37CYoOh\
     eSW\\nxQIDAQAB\\n-----END PUBLIC KEY-----\\n\"}}",
    "Bearer eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJiZW5jaCIsInN1YiI6ImFkYSIsImF1ZCI6ImJlbmNoIiwi\
     c2NvcGUiOiJvcmRlcnM6cmVhZCBvcmRlcnM6d3JpdGUiLCJpYXQiOjE3NjQ1MDAwMDAsImV4cCI6MzI1MDM2ODAwMDB9.LyakN3j\
     KYWO8vqNB6grjzemqzDo9QZUM9WA4OA1YXknnQZ0Rdg4VOnsZhpWeKxsTxfnVaLKt0S1YTb_mJDwZSRxfEzdpqXA6rnW7ahiw8cp\
     YI-OQwl5Voyb6bl2EiAGsQO4fgcPjVh72Ti9USl_Nf84ZJ3pQgB8suJLUfGwXl16WMGc5GhJaIDHDTz_AlDOAkaK1i8h_syy4GY4\
     lZuAzks8qdKQApJ5oYBrZ-oqXG4pDBPjwcL_5e9UX-LmbpdrjSBd7IEc8c2Mt52fmxMEs74xxbS7aSDgRRGBdM1x-ARoqqMrkwhd\
     -yEaA5PU8K4ngYJisQtu3r3iVMXD9zaBZIg",
];

//! Functions compiled twice on x86-64: for every processor, and for newer ones.

/// Defines a function that is compiled for every x86-64 processor and once more for those with AVX2 and BMI2, chosen
/// when it runs: loops over pixels become wider vectors, bits take fewer instructions. What it calls is to be
/// `inline(always)`, or is compiled for every processor. On aarch64 vectors belong to every processor.
macro_rules! twice {
    ($(#[$doc:meta])* $vis:vis fn $name:ident($($argument:ident: $kind:ty),* $(,)?) $(-> $result:ty)? $body:block) => {
        $(#[$doc])*
        $vis fn $name($($argument: $kind),*) $(-> $result)? {
            #[inline(always)]
            #[allow(clippy::inline_always, reason = "so that it takes on the features of its caller")]
            fn plain($($argument: $kind),*) $(-> $result)? $body

            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
                fn newer($($argument: $kind),*) $(-> $result)? {
                    plain($($argument),*)
                }
                use std::arch::is_x86_feature_detected as has;
                if has!("avx2") && has!("bmi1") && has!("bmi2") && has!("lzcnt") {
                    // SAFETY: the processor has all of these.
                    return unsafe { newer($($argument),*) };
                }
            }
            plain($($argument),*)
        }
    };
}

//! System calls of a child that shares our memory while we go on: the C library's functions write `errno`, which is then
//! that of the thread that made the child.

use std::ffi::{c_int, c_long};

/// Whether `call` leaves `errno` alone here.
pub(super) const LEAVES_ERRNO_ALONE: bool = cfg!(any(target_arch = "x86_64", target_arch = "aarch64"));

/// # Errors
/// The errno, a positive number.
///
/// # Safety
/// As the system call.
#[cfg(target_arch = "x86_64")]
pub(super) unsafe fn call(number: c_long, arguments: [usize; 4]) -> Result<usize, c_int> {
    let [first, second, third, fourth] = arguments;
    let result: isize;
    // SAFETY: the kernel's calling convention: it changes rcx, r11 and what the caller allows.
    unsafe {
        std::arch::asm!(
            "syscall",
            inlateout("rax") number as isize => result,
            in("rdi") first,
            in("rsi") second,
            in("rdx") third,
            in("r10") fourth,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    outcome(result)
}

/// # Errors
/// The errno, a positive number.
///
/// # Safety
/// As the system call.
#[cfg(target_arch = "aarch64")]
pub(super) unsafe fn call(number: c_long, arguments: [usize; 4]) -> Result<usize, c_int> {
    let [first, second, third, fourth] = arguments;
    let result: isize;
    // SAFETY: the kernel's calling convention.
    unsafe {
        std::arch::asm!(
            "svc 0",
            in("x8") number,
            inlateout("x0") first as isize => result,
            in("x1") second,
            in("x2") third,
            in("x3") fourth,
            options(nostack),
        );
    }
    outcome(result)
}

/// # Errors
/// The errno, a positive number.
///
/// # Safety
/// As the system call.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(super) unsafe fn call(number: c_long, arguments: [usize; 4]) -> Result<usize, c_int> {
    let [first, second, third, fourth] = arguments;
    // SAFETY: by contract.
    let result = unsafe { libc::syscall(number, first, second, third, fourth) };
    // SAFETY: always a valid pointer.
    outcome(if result < 0 {
        -(unsafe { *libc::__errno_location() } as isize)
    } else {
        result as isize
    })
}

/// The kernel's way to say which: the last page of numbers are errnos.
fn outcome(result: isize) -> Result<usize, c_int> {
    if (-4095..0).contains(&result) {
        Err(-result as c_int)
    } else {
        Ok(result as usize)
    }
}

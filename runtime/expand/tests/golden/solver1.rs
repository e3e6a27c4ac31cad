impl Solver1 {
    fn new(data: Array3<f32>) -> Self {
        Solver1 { data }
    }
    /// Adds `data`.
    fn solve(&mut self, data: &Array3<f32>) -> Array3<f32> {
        self.data.clone()
    }
    fn solve_more(&mut self) {}
}
#[allow(
    warnings,
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    unsafe_code,
    unused_qualifications,
    clippy::all,
    clippy::pedantic,
    clippy::nursery,
    clippy::restriction
)]
mod __mosaic_Solver1 {
    use super::*;
    /// A remote `Solver1`: each method returns its task at once.
    pub struct Solver1Proxy {
        raw: ::mosaic::__private::Tessera,
    }
    impl ::core::clone::Clone for Solver1Proxy {
        fn clone(&self) -> Solver1Proxy {
            Solver1Proxy {
                raw: ::core::clone::Clone::clone(&self.raw),
            }
        }
    }
    impl ::mosaic::HasPlace for Solver1Proxy {
        fn __uid(&self) -> ::std::string::String {
            self.raw.uid()
        }
    }
    impl ::mosaic::Proxy for Solver1Proxy {
        fn __tessera(&self) -> &::mosaic::__private::Tessera {
            &self.raw
        }
    }
    fn __options() -> ::mosaic::Options {
        ::mosaic::Options::new()
    }
    impl Solver1 {
        /// Constructs a `Solver1` on a worker and returns its proxy at once.
        ///
        pub fn remote(
            data: impl ::mosaic::__private::IntoArg<Array3<f32>>,
        ) -> Solver1Proxy {
            Solver1Proxy {
                raw: ::mosaic::__private::Tessera::create(
                    &__TABLE,
                    __options(),
                    ::std::vec::Vec::from([::mosaic::__private::IntoArg::into_arg(data)]),
                ),
            }
        }
    }
    impl Solver1 {
        /// Constructs a `Solver1` in the calling process, on a thread of its own, and returns its proxy at once.
        pub fn local(
            data: impl ::mosaic::__private::IntoArg<Array3<f32>>,
        ) -> Solver1Proxy {
            let options = __options().worker("head");
            Solver1Proxy {
                raw: ::mosaic::__private::Tessera::create(
                    &__TABLE,
                    options,
                    ::std::vec::Vec::from([::mosaic::__private::IntoArg::into_arg(data)]),
                ),
            }
        }
    }
    impl Solver1 {
        /// Constructs `__len` `Solver1`s on workers, all with the same arguments, and returns their proxies at once.
        #[track_caller]
        pub fn remote_array(
            __len: usize,
            data: impl ::mosaic::__private::IntoArg<Array3<f32>>,
        ) -> ::mosaic::ProxyArray<Solver1Proxy> {
            ::mosaic::__private::remote_array(
                &__TABLE,
                &__options(),
                __len,
                &::std::vec::Vec::from([::mosaic::__private::IntoArg::into_arg(data)]),
                |raw| Solver1Proxy { raw },
            )
        }
    }
    /// The options with which `Solver1`s are constructed and called. Made by `Solver1::with`.
    #[must_use]
    pub struct Solver1Remote {
        options: ::mosaic::Options,
    }
    impl Solver1 {
        /// Sets options for the construction and the calls of a `Solver1`: `Solver1::with(options).remote(…)`.
        pub fn with(options: ::mosaic::Options) -> Solver1Remote {
            Solver1Remote {
                options: options.or(&__options()),
            }
        }
    }
    impl Solver1Remote {
        /// Constructs a `Solver1` on a worker, with these options, and returns its proxy at once.
        ///
        pub fn remote(
            &self,
            data: impl ::mosaic::__private::IntoArg<Array3<f32>>,
        ) -> Solver1Proxy {
            let options = ::core::clone::Clone::clone(&self.options);
            Solver1Proxy {
                raw: ::mosaic::__private::Tessera::create(
                    &__TABLE,
                    options,
                    ::std::vec::Vec::from([::mosaic::__private::IntoArg::into_arg(data)]),
                ),
            }
        }
        /// Constructs `__len` `Solver1`s with these options and the same arguments, and returns their proxies at once.
        #[track_caller]
        pub fn remote_array(
            &self,
            __len: usize,
            data: impl ::mosaic::__private::IntoArg<Array3<f32>>,
        ) -> ::mosaic::ProxyArray<Solver1Proxy> {
            ::mosaic::__private::remote_array(
                &__TABLE,
                &self.options,
                __len,
                &::std::vec::Vec::from([::mosaic::__private::IntoArg::into_arg(data)]),
                |raw| Solver1Proxy { raw },
            )
        }
    }
    impl Solver1 {
        /// Finds a living `Solver1` by its unique name, and returns a new proxy of it, once awaited.
        pub fn attach(
            uid: impl ::core::convert::AsRef<str>,
        ) -> ::mosaic::__private::Attach<Solver1Proxy> {
            ::mosaic::__private::Attach::new(
                &__DEFINITION,
                ::core::convert::AsRef::as_ref(&uid),
                |raw| Solver1Proxy {
                    raw: raw.or(&__options()),
                },
            )
        }
    }
    impl ::mosaic::Actor for Solver1 {
        type Proxy = Solver1Proxy;
        const OBJECT: ::mosaic::__private::Slice = __OBJECT;
        fn table() -> &'static ::mosaic::__private::TesseraTable {
            &__TABLE
        }
        fn options() -> ::mosaic::Options {
            __options()
        }
        fn proxy(tessera: ::mosaic::__private::Tessera) -> Solver1Proxy {
            Solver1Proxy { raw: tessera }
        }
    }
    impl Solver1Proxy {
        /// Adds `data`.
        pub fn solve(
            &self,
            data: impl ::mosaic::__private::IntoArg<Array3<f32>>,
        ) -> ::mosaic::TaskProxy<Array3<f32>> {
            self.raw
                .call(
                    &__DEFINITION,
                    0,
                    ::std::vec::Vec::from([::mosaic::__private::IntoArg::into_arg(data)]),
                )
        }
        pub fn solve_more(&self) -> ::mosaic::TaskProxy<()> {
            self.raw.call(&__DEFINITION, 1, ::std::vec::Vec::new())
        }
        /// Runs a function that reads the object, in its turn among the calls. The function must capture nothing.
        pub fn get<__R: ::mosaic::Portable>(
            &self,
            function: impl ::core::ops::Fn(
                &Solver1,
            ) -> __R + ::core::marker::Copy + ::core::marker::Send + 'static,
        ) -> ::mosaic::TaskProxy<__R> {
            self.raw.get::<Solver1, __R, _>(&__DEFINITION, function)
        }
        /// Runs a function that changes the object, in its turn among the calls. The function must capture nothing.
        pub fn update<__A: ::mosaic::Portable, __R: ::mosaic::Portable>(
            &self,
            function: impl ::core::ops::Fn(
                &mut Solver1,
                __A,
            ) -> __R + ::core::marker::Copy + ::core::marker::Send + 'static,
            argument: impl ::mosaic::__private::IntoArg<__A>,
        ) -> ::mosaic::TaskProxy<__R> {
            let argument = ::mosaic::__private::IntoArg::into_arg(argument);
            self.raw.update::<Solver1, __A, __R, _>(&__DEFINITION, function, argument)
        }
        /// Returns a proxy of the same tessera whose calls also wait until `task` is done.
        pub fn after<__D>(&self, task: &::mosaic::TaskProxy<__D>) -> Solver1Proxy {
            Solver1Proxy {
                raw: self.raw.after(task),
            }
        }
        /// Returns a proxy of the same tessera whose calls have these options.
        pub fn with(&self, options: ::mosaic::Options) -> Solver1Proxy {
            Solver1Proxy {
                raw: self.raw.with(options),
            }
        }
        /// Returns the tessera's unique name.
        pub fn uid(&self) -> ::std::string::String {
            self.raw.uid()
        }
    }
    impl ::core::fmt::Debug for Solver1Proxy {
        fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
            ::core::fmt::Debug::fmt(&self.raw, f)
        }
    }
    impl ::core::fmt::Display for Solver1Proxy {
        fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
            ::core::fmt::Display::fmt(&self.raw, f)
        }
    }
    impl ::core::future::IntoFuture for Solver1Proxy {
        type Output = ::core::result::Result<Solver1Proxy, ::mosaic::TaskError>;
        type IntoFuture = ::mosaic::__private::Constructed<Solver1Proxy>;
        fn into_future(self) -> ::mosaic::__private::Constructed<Solver1Proxy> {
            ::mosaic::__private::Constructed::new(
                ::core::clone::Clone::clone(&self.raw),
                self,
            )
        }
    }
    impl ::core::future::IntoFuture for &Solver1Proxy {
        type Output = ::core::result::Result<Solver1Proxy, ::mosaic::TaskError>;
        type IntoFuture = ::mosaic::__private::Constructed<Solver1Proxy>;
        fn into_future(self) -> ::mosaic::__private::Constructed<Solver1Proxy> {
            ::mosaic::__private::Constructed::new(
                ::core::clone::Clone::clone(&self.raw),
                ::core::clone::Clone::clone(self),
            )
        }
    }
    const __OBJECT: ::mosaic::__private::Slice = ::mosaic::__private::Slice::new(
        ::core::concat!(::core::module_path!(), "@Solver1@__mosaic_object_").as_bytes(),
    );
    const __METHODS: &[::mosaic::__private::Slice] = &[
        ::mosaic::__private::Slice::new(b"solve"),
        ::mosaic::__private::Slice::new(b"solve_more"),
    ];
    const __SIGNATURES: &[::mosaic::__private::Slice] = &[
        ::mosaic::__private::Slice::new(
            b"solve(Array3<f32>) -> Array3<f32>@Array3<f32>@__mosaic_value__",
        ),
        ::mosaic::__private::Slice::new(b"solve_more() -> ()"),
    ];
    const __DEFINITION: ::mosaic::__private::Definition = ::mosaic::__private::definition::<
        Solver1,
    >("Solver1", __OBJECT, __METHODS, __SIGNATURES);
    const __TABLE: ::mosaic::__private::TesseraTable = ::mosaic::__private::table(
        __DEFINITION,
        __construct,
        __call,
        __drop_object,
    );
    unsafe extern "C" fn __construct(
        object: *mut *mut ::core::ffi::c_void,
        arguments: *const ::mosaic::__private::Slice,
        count: usize,
        outcome: *mut ::mosaic::__private::Outcome,
    ) -> ::mosaic::__private::Pending {
        unsafe {
            ::mosaic::__private::construct(
                "Solver1",
                object,
                arguments,
                count,
                outcome,
                |arguments| {
                    let argument_0 = arguments.decode::<Array3<f32>>(0, "data")?;
                    ::core::result::Result::Ok(<Solver1>::new(argument_0))
                },
            )
        }
    }
    unsafe extern "C" fn __call(
        object: *mut ::core::ffi::c_void,
        method: u32,
        arguments: *const ::mosaic::__private::Slice,
        count: usize,
        outcome: *mut ::mosaic::__private::Outcome,
    ) -> ::mosaic::__private::Pending {
        unsafe {
            ::mosaic::__private::call::<
                Solver1,
            >(
                &__DEFINITION,
                object,
                method,
                arguments,
                count,
                outcome,
                |object, arguments| match method {
                    0 => {
                        let argument_0 = arguments.lend::<Array3<f32>>(0, "data")?;
                        let value = <Solver1>::solve(object, &*argument_0);
                        ::mosaic::__private::now::<Array3<f32>>(&value)
                    }
                    1 => {
                        let value = <Solver1>::solve_more(object);
                        ::mosaic::__private::now::<()>(&value)
                    }
                    _ => {
                        ::core::result::Result::Err(
                            ::mosaic::__private::no_such_method(method),
                        )
                    }
                },
            )
        }
    }
    unsafe extern "C" fn __drop_object(object: *mut ::core::ffi::c_void) {
        unsafe { ::mosaic::__private::drop_object::<Solver1>(object) }
    }
    const _: fn() = || ::mosaic::__private::assert_portable::<Array3<f32>>();
    const _: fn() = || ::mosaic::__private::assert_portable::<Array3<f32>>();
    const _: fn() = || ::mosaic::__private::assert_portable::<Array3<f32>>();
    const _: fn() = || ::mosaic::__private::assert_sendable::<Solver1>();
}

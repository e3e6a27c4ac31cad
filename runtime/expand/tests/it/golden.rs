//! Generated code of well-formed tesserae.

use crate::readable::{expanded, part};
use expect_test::{Expect, expect, expect_file};

#[test]
fn the_tutorials_solver() {
    let item = "impl Solver1 {
        fn new(data: Array3<f32>) -> Self { Solver1 { data } }
        /// Adds `data`.
        fn solve(&mut self, data: &Array3<f32>) -> Array3<f32> { self.data.clone() }
        fn solve_more(&mut self) {}
    }";
    expect_file!["../golden/solver1.rs"].assert_eq(&expanded(item));
}

#[test]
fn options_on_the_attribute() {
    let arguments = "max_retries = 2, worker = \"worker:0:1\"".parse().expect("tokens");
    let item = "impl S { fn new() -> S { S } }".parse().expect("tokens");
    let tokens = mosaic_expand::expand(arguments, item).to_string();
    let options = ":: mosaic :: Options :: new () . max_retries (2) . worker (\"worker:0:1\")";
    assert!(tokens.contains(options), "{tokens}");
}

#[test]
fn a_type_stays_as_it_is() {
    let item = "#[derive(Clone)] pub struct Solver1 { data: u8 }";
    expect![[r#"
        #[derive(Clone)]
        pub struct Solver1 {
            data: u8,
        }
    "#]]
    .assert_eq(&expanded(item));
}

/// Checks the generated call of a method `f` with these parameters, in an `impl S`.
fn check_parameters(parameters: &str, expect: Expect) {
    let item = format!("impl S {{ fn new() -> S {{ S }} fn f(&self, {parameters}) {{}} }}");
    let signature = part(&item, "pub fn f(", "self.raw");
    let call = part(&item, "0 => {", "::mosaic::__private::now");
    expect.assert_eq(&(signature + &call));
}

#[test]
fn lent_parameters() {
    check_parameters(
        "text: &str, slice: &[u8], path: &Path, value: &Option<u8>",
        expect![[r#"
            pub fn f(
                &self,
                text: impl ::mosaic::__private::IntoArg<::std::string::String>,
                slice: impl ::mosaic::__private::IntoArg<::std::vec::Vec<u8>>,
                path: impl ::mosaic::__private::IntoArg<::std::path::PathBuf>,
                value: impl ::mosaic::__private::IntoArg<Option<u8>>,
            ) -> ::mosaic::TaskProxy<()> {
            0 => {
                let argument_0 = arguments
                    .lend::<::std::string::String>(0, "text")?;
                let argument_1 = arguments
                    .lend::<::std::vec::Vec<u8>>(1, "slice")?;
                let argument_2 = arguments
                    .lend::<::std::path::PathBuf>(2, "path")?;
                let argument_3 = arguments.lend::<Option<u8>>(3, "value")?;
                let value = <S>::f(
                    object,
                    &*argument_0,
                    &*argument_1,
                    &*argument_2,
                    &*argument_3,
                );
        "#]],
    );
}

#[test]
fn lent_views() {
    check_parameters(
        "a: ArrayView3<f32>, b: ndarray::ArrayView<'_, f32, Ix2>, c: &ArrayViewD<f64>",
        expect![[r#"
            pub fn f(
                &self,
                a: impl ::mosaic::__private::IntoArg<::ndarray::Array3<f32>>,
                b: impl ::mosaic::__private::IntoArg<ndarray::Array<f32, Ix2>>,
                c: impl ::mosaic::__private::IntoArg<::ndarray::ArrayD<f64>>,
            ) -> ::mosaic::TaskProxy<()> {
            0 => {
                let argument_0 = arguments
                    .lend::<::ndarray::Array3<f32>>(0, "a")?;
                let argument_1 = arguments
                    .lend::<ndarray::Array<f32, Ix2>>(1, "b")?;
                let argument_2 = arguments
                    .lend::<::ndarray::ArrayD<f64>>(2, "c")?;
                let value = <S>::f(
                    object,
                    argument_0.view(),
                    argument_1.view(),
                    &argument_2.view(),
                );
        "#]],
    );
}

#[test]
fn names_of_parameters() {
    check_parameters(
        "mut a: u8, (b, c): (u8, u8), _: u8, _d: u8, r#in: u8, arguments: u8",
        expect![[r#"
            pub fn f(
                &self,
                a: impl ::mosaic::__private::IntoArg<u8>,
                b_c: impl ::mosaic::__private::IntoArg<(u8, u8)>,
                argument_3: impl ::mosaic::__private::IntoArg<u8>,
                _d: impl ::mosaic::__private::IntoArg<u8>,
                r#in: impl ::mosaic::__private::IntoArg<u8>,
                arguments: impl ::mosaic::__private::IntoArg<u8>,
            ) -> ::mosaic::TaskProxy<()> {
            0 => {
                let argument_0 = arguments.decode::<u8>(0, "a")?;
                let argument_1 = arguments.decode::<(u8, u8)>(1, "b_c")?;
                let argument_2 = arguments.decode::<u8>(2, "argument_3")?;
                let argument_3 = arguments.decode::<u8>(3, "_d")?;
                let argument_4 = arguments.decode::<u8>(4, "in")?;
                let argument_5 = arguments.decode::<u8>(5, "arguments")?;
                let value = <S>::f(
                    object,
                    argument_0,
                    argument_1,
                    argument_2,
                    argument_3,
                    argument_4,
                    argument_5,
                );
        "#]],
    );
}

#[test]
fn types_mean_the_same_inside_the_module() {
    let item = "impl self::deep::Grid<2> {
        fn new(side: super::Side) -> Self { todo!() }
        fn f(&mut self, other: Self, corner: [f32; Self::CORNERS]) -> Vec<Self> { todo!() }
    }";
    expect![[r#"
        pub fn remote(
            side: impl ::mosaic::__private::IntoArg<super::super::Side>,
        ) -> GridProxy {
            GridProxy {
                raw: ::mosaic::__private::Tessera::create(
                    &__TABLE,
                    __options(),
                    ::std::vec::Vec::from([::mosaic::__private::IntoArg::into_arg(side)]),
                ),
        pub fn f(
            &self,
            other: impl ::mosaic::__private::IntoArg<super::deep::Grid<2>>,
            corner: impl ::mosaic::__private::IntoArg<
                [f32; <super::deep::Grid<2>>::CORNERS],
            >,
        ) -> ::mosaic::TaskProxy<Vec<super::deep::Grid<2>>> {
            self.raw
                .call(
                    &__DEFINITION,
                    0,
                    ::std::vec::Vec::from([
                        ::mosaic::__private::IntoArg::into_arg(other),
                        ::mosaic::__private::IntoArg::into_arg(corner),
                    ]),
                )
        0 => {
            let argument_0 = arguments
                .decode::<super::deep::Grid<2>>(0, "other")?;
            let argument_1 = arguments
                .decode::<
                    [f32; <super::deep::Grid<2>>::CORNERS],
                >(1, "corner")?;
            let value = <super::deep::Grid<
                2,
            >>::f(object, argument_0, argument_1);
            ::mosaic::__private::now::<Vec<super::deep::Grid<2>>>(&value)
    "#]]
    .assert_eq(&(part(item, "pub fn remote", "}") + &part(item, "pub fn f", "}") + &part(item, "0 =>", "}")));
}

#[test]
fn what_is_no_method_stays_local() {
    let item = "impl S {
        const SIZE: usize = { 3 };
        type Never = !;
        pub(crate) fn new() -> S { S }
        fn helper() -> &'static str { \"local\" }
        pub fn r#type(self: &Self) -> u8 { let x = ; }
        fn by_lifetime<'a>(&'a mut self, text: &'a str) -> String { text.to_owned() }
    }";
    let tokens = mosaic_expand::expand(Default::default(), item.parse().expect("tokens")).to_string();
    let name = |name: &str| format!(":: mosaic :: __private :: Slice :: new (b\"{name}\")");
    let methods = ["type", "by_lifetime"].map(name).join(" , ");
    assert!(tokens.contains(&format!("& [{methods}]")), "{tokens}");
}

// What the package's own tests use of NUnit, as Unity's test runner brings it.

using System;

namespace NUnit.Framework
{
    [AttributeUsage(AttributeTargets.Method)]
    public sealed class TestAttribute : Attribute
    {
    }

    public sealed class AssertionException : Exception
    {
        public AssertionException(string message) : base(message)
        {
        }
    }

    public static class Assert
    {
        public static void AreEqual(object expected, object actual, string message = "")
        {
            if (!Equals(expected, actual))
            {
                throw new AssertionException(message + ": " + actual + " instead of " + expected);
            }
        }

        public static void IsTrue(bool condition, string message = "it is not true")
        {
            if (!condition)
            {
                throw new AssertionException(message);
            }
        }

        public static T Throws<T>(Action code) where T : Exception
        {
            try
            {
                code();
            }
            catch (T error)
            {
                return error;
            }
            throw new AssertionException("no " + typeof(T).Name + " was thrown");
        }
    }
}
